"""The judge: from what clients were told and what the database and the subscribers hold, which promises were broken.

    verdict = judge(evidence)
    verdict.assert_sound()

Each check is one promise with a name; what it yields is evidence against it. A planted bug must be named here, or the checker is blind.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.faults.books import Books, Row
from tests.faults.history import EXPECTED_REFUSALS, History, Request
from tests.faults.partner import Heard

LONGEST_SECONDS = 10.5
"""Every request ends within 10 s; half a second for the test's own processor."""
MOST_EVIDENCE = 5

_KIND_OF_ENTRY = {
    "deposit": "deposit",
    "withdrawal": "withdrawal",
    "transfer": "transfer",
    "post_hold": "hold",
    "reversal": "reversal",
}


@dataclass(slots=True)
class Evidence:
    """All that is known of one run."""

    history: History
    before: Books
    """When the fault was over and all was quiet, before anything was asked again."""
    after: Books
    """After everything was asked again under its key."""
    heard: Heard
    deadlocks_before: int = 0
    dead_letters_before: int = 0


@dataclass(slots=True)
class Verdict:
    """Promise -> what speaks against it."""

    broken: dict[str, list[str]] = field(default_factory=dict)
    facts: str = ""

    def assert_sound(self) -> None:
        """Fail with the evidence."""
        assert not self.broken, "\n".join([self.facts, *self._lines()])

    def _lines(self) -> Iterator[str]:
        for promise, evidence in self.broken.items():
            more = f" and {len(evidence) - MOST_EVIDENCE} more" if len(evidence) > MOST_EVIDENCE else ""
            yield f"{promise}: " + "; ".join(evidence[:MOST_EVIDENCE]) + more


Promise = Callable[[Evidence], Iterator[str]]


def judge(evidence: Evidence, promises: Sequence[Promise]) -> Verdict:
    """Try every promise."""
    verdict = Verdict(facts=_facts(evidence))
    for check in promises:
        if found := list(check(evidence)):
            verdict.broken[check.__name__] = found
    return verdict


def _facts(evidence: Evidence) -> str:
    history = evidence.history
    counted = ", ".join(f"{history.count(outcome)} {outcome}" for outcome in ("ok", "fail", "unknown"))
    return f"{len(history.requests)} requests ({counted}), {len(history.published)} published, {len(evidence.after.entries)} entries"


def money_is_conserved(evidence: Evidence) -> Iterator[str]:
    """Entries sum to zero and are whole; balances are the replay of their postings; nothing came from nowhere."""
    books = evidence.after
    sums: Counter[tuple[UUID, str]] = Counter()
    lines: Counter[UUID] = Counter()
    balances: Counter[UUID] = Counter()
    for posting in books.postings:
        sums[posting["entry_id"], posting["currency"]] += posting["amount"]
        lines[posting["entry_id"]] += 1
        balances[posting["account_id"]] += posting["amount"]
    yield from (f"entry {entry} sums to {net}" for (entry, _), net in sums.items() if net)
    for entry_id, entry in books.entries.items():
        if lines[entry_id] != entry["lines"]:
            yield f"entry {entry_id} has {lines[entry_id]} postings of {entry['lines']}"
    for account_id, account in books.accounts.items():
        if account["balance"] != balances[account_id]:
            yield f"account {account_id} has {account['balance']}, its postings {balances[account_id]}"
    if net := sum(account["balance"] for account in books.accounts.values()):
        yield f"the accounts of the run sum to {net}"
    if books.trial_balance:
        yield f"the trial balance is {books.trial_balance}"


def nothing_accepted_is_lost(evidence: Evidence) -> Iterator[str]:
    """What a client was told is done is there before anybody asks again; so is what the broker took."""
    marked = evidence.before.marked()
    for request in evidence.history.requests:
        if request.outcome == "ok" and not _effects(request, marked, evidence.before):
            yield f"{request} is not there"
    for published in evidence.history.published:
        if published.confirmed is not None and not marked.get(published.key):
            yield f"{published} is not there"


def everything_is_applied_once(evidence: Evidence) -> Iterator[str]:
    """Done means once, refused means never, nothing appears that nobody asked for; also after all was asked again."""
    for books in (evidence.before, evidence.after):
        marked = books.marked()
        for request in evidence.history.requests:
            effects = _effects(request, marked, books)
            if len(effects) > 1 or (effects and request.outcome == "fail"):
                yield f"{request} was applied {len(effects)} times"
            yield from _wrong(request, effects)
        for published in evidence.history.published:
            if len(effects := marked.get(published.key, [])) > 1:
                yield f"{published} was applied {len(effects)} times"
        known = {request.key for request in evidence.history.requests} | {each.key for each in evidence.history.published}
        yield from (f"nobody asked for {mark}" for mark in marked if mark not in known)


def _effects(request: Request, marked: dict[str, list[Row]], books: Books) -> list[Row]:
    """What a request left in the books."""
    if request.kind != "void_hold":
        return marked.get(request.key, [])
    assert request.subject is not None
    hold = books.holds.get(request.subject)
    return [hold] if hold is not None and hold["status"] == "voided" else []


def _wrong(request: Request, effects: list[Row]) -> Iterator[str]:
    """Whether it is another thing than was asked for."""
    for effect in effects:
        if request.kind == "place_hold" and effect["amount"] != request.amount:
            yield f"{request} holds {effect['amount']} instead of {request.amount}"
        if (kind := _KIND_OF_ENTRY.get(request.kind)) is not None and effect.get("kind") != kind:
            yield f"{request} became {effect.get('kind')}"


def same_question_same_answer(evidence: Evidence) -> Iterator[str]:
    """All definite answers to one key are the same, byte for byte."""
    for request in evidence.history.requests:
        answers = {(each.status, each.body) for each in request.answers if each.is_definite}
        if len(answers) > 1:
            yield f"{request} was answered {' and '.join(f'{status} {body[:300]!r}' for status, body in answers)}"
    for published in evidence.history.published:
        replies = {reply for reply in published.replies if reply[0] in {"reply", "refusal"}}
        if len(replies) > 1:
            yield f"{published} was answered in {len(replies)} ways"


def postings_follow_each_other(evidence: Evidence) -> Iterator[str]:
    """Per account numbers have no gap, each balance follows from the one before, and what was answered first is numbered first."""
    began, ended = _times(evidence)
    for account_id, account in evidence.after.accounts.items():
        balance, latest_begin = 0, float("-inf")
        postings = [each for each in evidence.after.postings if each["account_id"] == account_id]
        for number, posting in enumerate(postings, start=1):
            balance += posting["amount"]
            if posting["seq"] != number or posting["balance_after"] != balance:
                yield f"posting {posting['seq']} of {account_id}: number {number} and balance {balance} were due"
            entry = posting["entry_id"]
            if ended.get(entry, float("inf")) < latest_begin:
                yield f"posting {posting['seq']} of {account_id} was answered before an earlier one was asked for"
            latest_begin = max(latest_begin, began.get(entry, float("-inf")))
        if account["seq"] != len(postings):
            yield f"account {account_id} counts {account['seq']} postings of {len(postings)}"


def _times(evidence: Evidence) -> tuple[dict[UUID, float], dict[UUID, float]]:
    """Entry -> when it was first asked for, and when it was first known to be done."""
    marked = evidence.after.marked()
    began: dict[UUID, float] = {}
    ended: dict[UUID, float] = {}
    for request in evidence.history.requests:
        for effect in marked.get(request.key, []):
            if "lines" in effect and request.definite is not None:
                began[effect["entry_id"]] = request.answers[0].began
                ended[effect["entry_id"]] = request.definite.ended
    return began, ended


def floors_are_never_passed(evidence: Evidence) -> Iterator[str]:
    """At no posting is a balance below its account's floor, and what is held is there."""
    accounts = evidence.after.accounts
    for posting in evidence.after.postings:
        account = accounts.get(posting["account_id"])
        if account is not None and account["floor"] is not None:
            own = account["normal"] * posting["balance_after"]
            if own < account["floor"]:
                yield f"posting {posting['seq']} of {posting['account_id']} leaves {own}, the floor is {account['floor']}"
    for account_id, account in accounts.items():
        if account["floor"] is not None and account["normal"] * account["balance"] - account["held"] < account["floor"]:
            yield f"account {account_id} has less than is held"


def holds_count_once(evidence: Evidence) -> Iterator[str]:
    """What is held is the sum of the pending holds; each ended as its client was told."""
    books = evidence.after
    for account_id, account in books.accounts.items():
        pending = sum(
            hold["amount"] for hold in books.holds.values() if hold["account_id"] == account_id and hold["status"] == "pending"
        )
        if account["held"] != pending:
            yield f"account {account_id} holds {account['held']}, its pending holds are {pending}"
    for request in evidence.history.requests:
        if request.outcome == "ok" and request.kind in {"post_hold", "void_hold"} and request.subject is not None:
            hold = books.holds.get(request.subject)
            wanted = "posted" if request.kind == "post_hold" else "voided"
            if hold is None or hold["status"] != wanted:
                yield f"{request}: the hold is {hold and hold['status']}"
            elif wanted == "posted" and hold["posted_amount"] != request.amount:
                yield f"{request}: {hold['posted_amount']} of {request.amount} were posted"


def everybody_is_answered(evidence: Evidence) -> Iterator[str]:
    """Each sending ends within 10 s, in an answer or one that says when to ask again; each request ends for good."""
    for request, answer in evidence.history.answers():
        if (took := answer.ended - answer.began) > LONGEST_SECONDS:
            yield f"{request} waited {took:.1f} s for {answer.status}"
        if answer.status in {429, 503} and not answer.retry_after:
            yield f"{request}: {answer.status} without Retry-After"
    yield from (f"{request} has no end" for request in evidence.history.requests if request.outcome == "unknown")


def nothing_unexpected_is_answered(evidence: Evidence) -> Iterator[str]:
    """No internal error, no refusal but for want of money."""
    for request, answer in evidence.history.answers():
        if answer.status is not None and answer.status >= 500 and answer.status not in {503, 504}:
            yield f"{request}: {answer.status} {answer.body[:200]!r}"
        elif answer.is_definite and request.outcome == "fail" and answer.told.get("rule") not in EXPECTED_REFUSALS:
            yield f"{request}: {answer.status} {answer.told.get('rule')}"
    for published in evidence.history.published:
        yield from (f"{published}: {kind} {body[:200]!r}" for kind, body in published.replies if kind in {"refusal", "fault"})


def nothing_is_a_dead_letter(evidence: Evidence) -> Iterator[str]:
    """Surroundings that fail make no dead letters."""
    for letter in evidence.after.dead_letters[evidence.dead_letters_before :]:
        yield f"{letter['type']} for {letter['actor']}: {letter['reason']}, {letter['error']}"


def subscribers_hear_everything(evidence: Evidence) -> Iterator[str]:
    """Each committed event is heard at least once, and nothing that did not happen."""
    books, heard = evidence.after, evidence.heard
    yield from (f"entry {entry} was not told" for entry in books.entries if entry not in heard.entries)
    for entry, accounts in heard.entries.items():
        if entry not in books.entries and not accounts.isdisjoint(books.accounts):
            yield f"entry {entry} was told and is not there"
    for hold_id, hold in books.holds.items():
        for status in {"pending", hold["status"]}:
            if (hold_id, hold["account_id"], status) not in heard.holds:
                yield f"hold {hold_id} was not told to be {status}"
    for hold_id, account_id, status in heard.holds:
        if account_id in books.accounts and (
            hold_id not in books.holds or status not in {"pending", books.holds[hold_id]["status"]}
        ):
            yield f"hold {hold_id} was told to be {status} and is not"


def nothing_is_left_unsaid(evidence: Evidence) -> Iterator[str]:
    """The outbox is empty when all is quiet."""
    if evidence.before.unsent:
        yield f"{evidence.before.unsent} rows of the outbox were never confirmed"


def locks_are_taken_in_order(evidence: Evidence) -> Iterator[str]:
    """Nobody waits in a circle."""
    if (found := evidence.after.deadlocks - evidence.deadlocks_before) > 0:
        yield f"{found} deadlocks"


PROMISES: tuple[Promise, ...] = (
    money_is_conserved,
    nothing_accepted_is_lost,
    everything_is_applied_once,
    same_question_same_answer,
    postings_follow_each_other,
    floors_are_never_passed,
    holds_count_once,
    everybody_is_answered,
    nothing_unexpected_is_answered,
    nothing_is_a_dead_letter,
    subscribers_hear_everything,
    nothing_is_left_unsaid,
    locks_are_taken_in_order,
)
OF_ANY_REQUEST: tuple[Promise, ...] = (
    same_question_same_answer,
    everybody_is_answered,
    nothing_unexpected_is_answered,
    nothing_is_a_dead_letter,
    nothing_is_left_unsaid,
    locks_are_taken_in_order,
)
"""Those that do not speak of money."""
