"""Identifiers: how they are made, and how one follows from another. No vocabulary of its own."""

import os
import time
from typing import NewType
from uuid import UUID, uuid5

MessageId = NewType("MessageId", UUID)
MemberId = NewType("MemberId", UUID)
GroupId = NewType("GroupId", UUID)
AccountId = NewType("AccountId", UUID)
EntryId = NewType("EntryId", UUID)
HoldId = NewType("HoldId", UUID)
UserId = NewType("UserId", UUID)
LoanProductId = NewType("LoanProductId", UUID)
LoanId = NewType("LoanId", UUID)
LoanTransactionId = NewType("LoanTransactionId", UUID)
LoanRequestId = NewType("LoanRequestId", UUID)
GuarantorId = NewType("GuarantorId", UUID)
CollateralId = NewType("CollateralId", UUID)
CloseRunId = NewType("CloseRunId", UUID)

_VERSION_7 = 7 << 76
_VARIANT = 2 << 62


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of unix milliseconds, then 74 random bits, so that ids made later sort later."""
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    high = (milliseconds << 80) | _VERSION_7 | ((noise >> 62 & 0xFFF) << 64)
    return UUID(int=high | _VARIANT | (noise & 0x3FFF_FFFF_FFFF_FFFF))


def derived_id(cause: UUID, step: str) -> UUID:
    """The UUIDv5 of (cause, step): a redelivered message asks the same questions under the same ids."""
    return uuid5(cause, step)
