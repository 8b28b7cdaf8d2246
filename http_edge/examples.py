"""Example bodies for the documentation, by message. A test says each of them, so that none is out of date."""

from typing import Any

from messages import identity, ledger, member
from messages.base import Message

_MEMBER = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d001"
_ACCOUNT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101"
_OTHER_ACCOUNT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d102"

EXAMPLES: dict[type[Message], dict[str, Any]] = {
    identity.Login: {"username": "teller", "password": "correct horse battery staple"},
    member.RegisterPerson: {
        "person": {"given_name": "Amina", "family_name": "Wanjiru", "born_on": "1991-04-17"},
        "contact": {"phones": ["+254712345678"]},
        "identifiers": [{"kind": "national_id", "country": "KE", "value": "28374651"}],
    },
    ledger.OpenAccount: {"member_id": _MEMBER, "kind": "savings", "currency": "KES"},
    ledger.PostEntry: {
        "postings": [
            {"account_id": _ACCOUNT, "side": "debit", "amount": {"amount": "250.00", "currency": "KES"}},
            {"account_id": _OTHER_ACCOUNT, "side": "credit", "amount": {"amount": "250.00", "currency": "KES"}},
        ],
        "description": "Correction of a misposted fee",
    },
    ledger.Transfer: {
        "from_account_id": _ACCOUNT,
        "to_account_id": _OTHER_ACCOUNT,
        "amount": {"amount": "250.00", "currency": "KES"},
        "description": "Rent for May",
    },
    ledger.Deposit: {"account_id": _ACCOUNT, "amount": {"amount": "1250.00", "currency": "KES"}},
    ledger.Withdraw: {"account_id": _ACCOUNT, "amount": {"amount": "100.00", "currency": "KES"}},
    ledger.PlaceHold: {"amount": {"amount": "75.00", "currency": "KES"}, "description": "Card payment"},
    ledger.FreezeAccount: {"side": "debit", "reason": "Court order 2026/114"},
}
