"""What is said to the actors of these tests, who know no banking: counters with a key, a tally that is batched, and a herald who asks."""

from messages.base import Command, Event, Priority, Query, Reply


class Counted(Reply):
    """A counter after an addition."""

    counter: str
    total: int
    number: int
    """How many additions there were."""


class Told(Reply):
    """What the herald was answered."""

    totals: tuple[int, ...]


class Add(Command[Counted], wire="probe.add.v1", key="counter"):
    """Add to a counter. `trouble` is what is to go wrong; probe.py knows the words."""

    counter: str
    amount: int = 1
    trouble: str = ""


class Note(Command[Counted], wire="probe.note.v1"):
    """Add to the counter of notes: no key, no order."""

    amount: int = 1
    trouble: str = ""


class Whisper(Command[Counted], wire="probe.whisper.v1", key="counter", priority=Priority.LOW):
    """Add to a counter when there is time."""

    counter: str
    amount: int = 1
    trouble: str = ""


class Shout(Command[Counted], wire="probe.shout.v1", key="counter", priority=Priority.CRITICAL):
    """Add to a counter before anything else."""

    counter: str
    amount: int = 1
    trouble: str = ""


class Heap(Command[Counted], wire="probe.heap.v1", key="counter"):
    """Add to a counter, together with what else waits for other counters."""

    counter: str
    amount: int = 1
    trouble: str = ""


class Swap(Command[Counted], wire="probe.swap.v1", key="counter"):
    """Add to a counter, as it was said long ago."""

    counter: str
    by: int


class SwapNow(Command[Counted], wire="probe.swap.v2", key="counter", replaces=Swap):
    """Add to a counter, as it is said now."""

    counter: str
    amount: int

    @classmethod
    def upcast(cls, old: Swap) -> "SwapNow":
        return cls(counter=old.counter, amount=old.by)


class Guarded(Command[Counted], wire="probe.guarded.v1", key="counter", permission="pools:manage"):
    """Add to a counter, if you may."""

    counter: str


class Secret(Command[Counted], wire="probe.secret.v1", key="counter", remember=False):
    """Add to a counter, and write the word down nowhere."""

    counter: str
    word: str
    trouble: str = ""


class Remind(Command[Counted], wire="probe.remind.v1", key="counter"):
    """Add to a counter some seconds from now; answers with the counter as it is."""

    counter: str
    seconds: float
    times: int = 1


class Boast(Command[Counted], wire="probe.boast.v1", key="counter"):
    """Tell an event, and answer, in so many words."""

    counter: str
    told: int = 0
    answered: int = 0


class GetCounter(Query[Counted], wire="probe.counter.v1"):
    """A counter as it is."""

    counter: str
    trouble: str = ""


class CounterMoved(Event, wire="probe.counter_moved.v1", key="counter"):
    """Somebody added to a counter."""

    counter: str
    amount: int


class Boasted(Event, wire="probe.boasted.v1", key="counter"):
    """Somebody used many words."""

    counter: str
    words: str


class AlarmRaised(Event, wire="probe.alarm_raised.v1", key="counter", priority=Priority.CRITICAL):
    """Somebody shouted."""

    counter: str


class Tallied(Reply):
    """A tally after an addition."""

    tally: str
    total: int
    number: int


class TallyAdd(Command[Tallied], wire="tally.add.v1"):
    """Add to a tally, which never falls below zero."""

    tally: str
    amount: int
    trouble: str = ""


class TallyOpen(Command[Tallied], wire="tally.open.v1"):
    """Open a tally, one at a time."""

    tally: str
    trouble: str = ""


class TallyMoved(Event, wire="tally.moved.v1"):
    """Somebody added to a tally."""

    tally: str
    amount: int


class Relay(Command[Told], wire="herald.relay.v1", key="counter"):
    """Ask the probe to add, so many times, one after the other."""

    counter: str
    amount: int = 1
    times: int = 1
    trouble: str = ""
    """What is to go wrong here, after the answers."""
    their_trouble: str = ""
    """What is to go wrong there."""


class RelayLate(Command[Told], wire="herald.relay_late.v1", key="counter"):
    """Ask the probe when the own transaction has begun, which nobody may."""

    counter: str


class HowMany(Query[Told], wire="herald.how_many.v1"):
    """Ask the probe's counter by way of a query, having looked into the own table first."""

    counter: str
