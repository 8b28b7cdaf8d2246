"""The loan actor: from an application to the last payment. Its handlers stand in handlers/, by what they are about.

What is promised is one sentence here: a loan's truth is the ordered list of its transactions, its book follows from them, and every
turn books the difference that it makes to the book in the ledger, once.
"""

from actors.loan.handlers.applying import Applying
from actors.loan.handlers.asking import Asking
from actors.loan.handlers.closing import Closing
from actors.loan.handlers.reading import Reading
from actors.loan.handlers.securing import Securing
from actors.loan.handlers.servicing import Servicing
from runtime.actor import Actor


class Loans(Applying, Securing, Asking, Servicing, Closing, Reading, Actor):
    """Keeps every loan by itself, without a lock: its messages come one at a time, and each counts once."""

    name = "loan"
