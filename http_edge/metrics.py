"""What the edge counts.

coffer_http_request_seconds (histogram, by method, path and status; its _count is the number of requests): from the parsed head
to the answer. coffer_http_in_flight (gauge): requests that wait for an actor.
"""

from prometheus_client import Gauge, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

request_seconds = Histogram(
    "coffer_http_request_seconds", "Time to answer a request.", ("method", "path", "status"), buckets=_BUCKETS
)
in_flight = Gauge("coffer_http_in_flight", "Requests that wait for an actor.")


class RouteMetrics:
    """The counting of one route; its labels are the route's, never what a client sent."""

    def __init__(self, method: str, path: str) -> None:
        self._labels = (method, path)
        self._by_status: dict[int, Histogram] = {}

    def observe(self, status: int, seconds: float) -> None:
        """Count one answer."""
        child = self._by_status.get(status)
        if child is None:
            child = self._by_status[status] = request_seconds.labels(*self._labels, str(status))
        child.observe(seconds)
