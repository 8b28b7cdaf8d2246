"""What operators see: Prometheus metrics, JSON log lines, W3C trace context. Names here are part of the interface.

Metrics: coffer_handled_total, coffer_failed_total, coffer_retried_total, coffer_dead_total (by actor and reason),
coffer_dropped_total (dead letters that were too many, by actor and reason), coffer_inbox_hits_total,
coffer_expired_total (by actor and type), coffer_turn_seconds, coffer_wait_seconds (by actor), coffer_batch_messages (by actor),
coffer_mailbox_depth (by queue), coffer_outbox_unsent, coffer_reconnects_total (by server), coffer_republished_total and
coffer_lifted_total (by receiver), coffer_cache_reads_total (by message and outcome: hit, stale, miss, shared, outrun, away,
distrusted), coffer_cache_invalidated_total, coffer_cache_vouched.
"""

import contextlib
import contextvars
import logging
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import Counter, Gauge, Histogram

from messages.base import message_type

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

handled = Counter("coffer_handled", "Messages handled, by outcome.", ("actor", "type", "outcome"))
failed = Counter("coffer_failed", "Turns that ended in a fault of the message.", ("actor", "type"))
retried = Counter("coffer_retried", "Turns begun again after a fault of the message.", ("actor", "type"))
dead = Counter("coffer_dead", "Messages that became dead letters, by reason.", ("actor", "reason"))
dropped = Counter("coffer_dropped", "Messages of other systems that were not even kept as dead letters.", ("actor", "reason"))
expired = Counter("coffer_expired", "Messages that came after their deadline.", ("actor", "type"))
inbox_hits = Counter("coffer_inbox_hits", "Duplicates answered from the inbox.", ("actor", "type"))
turn_seconds = Histogram("coffer_turn_seconds", "From the turn's begin to its commit.", ("actor",), buckets=_SECONDS)
wait_seconds = Histogram(
    "coffer_wait_seconds", "From the arrival in the mailbox to the turn's begin.", ("actor",), buckets=_SECONDS
)
batch_messages = Histogram(
    "coffer_batch_messages", "Messages handled in one batch turn.", ("actor",), buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
mailbox_depth = Gauge("coffer_mailbox_depth", "Messages taken from the queue and not yet handled.", ("queue",))
outbox_unsent = Gauge("coffer_outbox_unsent", "Outbox rows of this process that are not yet known to be with the broker.")
reconnects = Counter("coffer_reconnects", "Connections that were lost and made anew.", ("server",))
republished = Counter("coffer_republished", "Messages said again because the broker had lost them.", ("receiver",))
lifted = Counter("coffer_lifted", "Messages said again at a higher level because they had waited too long.", ("receiver",))
cache_reads = Counter("coffer_cache_reads", "Reads of what may be cached, by what came of it.", ("message", "outcome"))
cache_renewed = Counter("coffer_cache_invalidated", "Tags whose cached replies became old by a write.")
cache_vouched = Gauge("coffer_cache_vouched", "Whether this process vouches that the cache misses none of its writes.")

correlation = contextvars.ContextVar("correlation", default="")
trace = contextvars.ContextVar("trace", default="")

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def type_label(wire: str) -> str:
    """The type of a message as a label: what a stranger makes up is one series, not a new one each time."""
    return wire if message_type(wire) is not None else "unknown"


def child_traceparent(parent: str) -> str:
    """A span under `parent` (W3C trace context, level 1), or the first of a new trace where there is none."""
    match = _TRACEPARENT.match(parent)
    if match is None or set(match[1]) == {"0"} or set(match[2]) == {"0"}:
        return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
    return f"00-{match[1]}-{os.urandom(8).hex()}-{match[3]}"


@contextlib.contextmanager
def conversation(correlation_id: str, traceparent: str) -> Iterator[None]:
    """What is logged inside belongs to this conversation and trace."""
    ours = correlation.set(correlation_id), trace.set(traceparent)
    try:
        yield
    finally:
        correlation.reset(ours[0])
        trace.reset(ours[1])


class JsonLines(logging.Formatter):
    """One event, one line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "process": self._process,
        }
        if correlation.get():
            line["correlation_id"] = correlation.get()
        if trace.get():
            line["trace"] = trace.get()
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def log_json(process: str, *, level: int = logging.INFO) -> None:
    """Send this process's log lines to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("aiormq").setLevel(logging.ERROR)
