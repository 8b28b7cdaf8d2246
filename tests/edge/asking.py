"""What is asked of each route where everybody asks everything: a right question about this or that thing, by the names of things."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from http_edge.examples import EXAMPLES
from http_edge.route import Route
from http_edge.routes import ROUTES

WHO = ("admin", "manager", "teller", "officer", "auditor", "member", "key", "nobody")
WORDS = frozenset({"all", "own", ".", "login", "401", "open"})
Things = Mapping[str, str]
_NAMED = re.compile(r"\{(\w+)\}", re.ASCII)
_KES = {"amount": "1.00", "currency": "KES"}
_BUSINESS = {
    "legal_name": "Mama Mboga Traders",
    "legal_form": "sole_proprietor",
    "registration_number": "{new}",
    "registered_in": "KE",
    "registered_on": "2015-06-30",
    "sector": "trade",
    "size": "micro",
}
_GRANTS = {"members:read": {"scope": "all"}}

NEVER_RIGHT = frozenset(
    {
        "POST /auth/login",
        "POST /auth/refresh",
        "POST /auth/logout",
        "POST /auth/logout-all",
        "POST /auth/mfa/verify",
        "POST /auth/mfa/enrol",
        "POST /auth/mfa/confirm",
        "POST /auth/mfa/remove",
        "POST /auth/mfa/recovery-codes",
        "POST /auth/step-up",
        "POST /auth/accept-invitation",
        "POST /password/change",
        "POST /password/reset-request",
        "POST /password/verify-token",
        "POST /password/reset",
        "PUT /business-date",
        "POST /close-of-business",
        "PATCH /pools/{pool}",
        "POST /pools/{pool}/reset",
    }
)
"""What would lock somebody out, end the walk, or change the bank's day for all other tests: asked with a field that is none, which who
is let in hears of (422), and nobody else.
"""

BODIES: dict[str, dict[str, Any]] = {
    "POST /users": {"username": "u-{new}", "password": "correct horse battery staple", "roles": ["teller"]},
    "PUT /users/{user_id}/roles": {"roles": ["teller"]},
    "PUT /users/{user_id}/branch": {"branch": "north"},
    "PUT /users/{user_id}/member": {"member_id": None},
    "POST /users/{user_id}/disable": {"reason": "Left"},
    "POST /users/{user_id}/reset-mfa": {"reason": "Lost the telephone"},
    "POST /users/invitations": {"username": "u-{new}@bank.test", "roles": ["teller"]},
    "POST /api-keys": {"name": "till", "permissions": ["members:read"]},
    "POST /roles": {"name": "{new_word}", "about": "For a test", "grants": _GRANTS},
    "PUT /roles/{name}": {"about": "For a test", "grants": _GRANTS},
    "POST /members/businesses": {"business": _BUSINESS},
    "PUT /members/{member_id}/contact": {"contact": {"phones": ["+254712345678"]}},
    "PUT /members/{member_id}/person": {"person": {"given_name": "Amina", "born_on": "1990-04-01"}},
    "PUT /members/{member_id}/business": {"business": _BUSINESS},
    "POST /members/{member_id}/identifiers": {"identifier": {"kind": "national_id", "country": "KE", "value": "{new}"}},
    "PUT /members/{member_id}/branch": {"branch": "north"},
    "POST /members/{member_id}/suspend": {"reason": "other"},
    "POST /members/{member_id}/close": {"reason": "other"},
    "POST /members/persons": {"person": {"given_name": "Amina", "family_name": "Wanjiru", "born_on": "1991-04-17"}},
    "POST /groups": {"name": "Umoja {new}"},
    "POST /groups/{group_id}/members": {"member_id": "{member_id}"},
    "PUT /groups/{group_id}/officer": {"officer_id": None},
    "POST /accounts": {"member_id": "{member_id}", "kind": "savings", "currency": "KES"},
    "POST /accounts/{account_id}/unfreeze": {"reason": "Settled"},
    "POST /accounts/{account_id}/close": {"reason": "Asked for"},
    "POST /holds/{hold_id}/post": {"to_account_id": "{account_id}"},
    "POST /entries": {
        "postings": [
            {"account_id": "{account_id}", "side": "debit", "amount": _KES},
            {"account_id": "{account_id}", "side": "credit", "amount": _KES},
        ],
        "description": "Correction",
    },
    "POST /entries/{entry_id}/reverse": {"reason": "Booked twice"},
    "POST /transfers": {
        "from_account_id": "{account_id}",
        "to_account_id": "{other_account_id}",
        "amount": _KES,
    },
    "POST /deposits": {"account_id": "{account_id}", "amount": _KES},
    "POST /withdrawals": {"account_id": "{account_id}", "amount": _KES},
    "POST /chart-of-accounts": {"code": "1999", "name": "Drawer", "kind": "asset"},
    "POST /chart-of-accounts/standard": {"currency": "KES"},
    "POST /loans": {
        "member_id": "{member_id}",
        "product_id": "{product_id}",
        "principal": {"amount": "5000.00", "currency": "KES"},
        "start": "2026-01-15",
    },
    "POST /loans/{loan_id}/guarantors": {"member_id": "{member_id}", "amount": _KES},
    "POST /loans/{loan_id}/disbursement-requests": {"amount": _KES, "to_account_id": "{account_id}"},
    "POST /loans/{loan_id}/refunds": {"amount": _KES, "to_account_id": "{account_id}"},
    "POST /dead-letters/{dead_letter_id}/discard": {"note": "Told in person"},
}
"""Where the documentation has no example, or its example names no thing that is here."""

QUERIES: dict[str, str] = {
    "GET /accounts": "member_id={member_id}",
    "GET /groups": "member_id={member_id}",
    "GET /loans": "member_id={member_id}",
}

NOT_MADE = frozenset({"run_id", "dead_letter_id"})
"""What a quiet bank has none of: asked for as what is missing alone."""


class Question(NamedTuple):
    """One row of the table, and how it is asked."""

    name: str
    route: Route
    words: dict[str, str]
    """Who -> what they may."""

    @property
    def is_never_right(self) -> bool:
        """Whether it is asked so that nothing can come of it."""
        return self.name in NEVER_RIGHT

    @property
    def body(self) -> Any:
        """What is said, with names of things."""
        if not self.route.has_body:
            return None
        if self.is_never_right:
            return {"no_such_field": True}
        return BODIES.get(self.name, EXAMPLES.get(self.route.message, {}))

    @property
    def path(self) -> str:
        """Where, with names of things. A request about access is another thing than a request about a loan."""
        path = self.route.full_path
        return path.replace("{request_id}", "{access_request_id}") if "/access-requests/" in path else path

    @property
    def query(self) -> str:
        """What is asked for, with names of things."""
        return QUERIES.get(self.name, "")

    @property
    def things(self) -> set[str]:
        """The names of the things that it is about."""
        return {*_NAMED.findall(self.path + json.dumps(self.body) + self.query)} - {"new", "new_word"}

    @property
    def is_about_what_is_asked_for(self) -> bool:
        """Whether there is nothing to be found; only something to be listed or made."""
        return not self.things or bool(self.query)

    def about(self, things: Things) -> tuple[str, Any]:
        """Path and body."""
        path = self.path + (f"?{self.query}" if self.query else "")
        return filled(path, things), filled(self.body, things)


def filled(value: Any, things: Things) -> Any:
    """The same with things for their names."""
    if isinstance(value, dict):
        return {name: filled(each, things) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, things) for each in value]
    return _NAMED.sub(lambda found: things[found[1]], value) if isinstance(value, str) else value


@cache
def table() -> dict[str, dict[str, str]]:
    """Method and path -> who -> what they may; from who_may.txt."""
    rows: dict[str, dict[str, str]] = {}
    for line in (Path(__file__).parent / "who_may.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            method, path, *words = line.split()
            name = f"{method} {path}"
            assert name not in rows, f"{name} is in the table twice"
            assert WORDS.issuperset(words), line
            rows[name] = dict(zip(WHO, words, strict=True))
    return rows


def questions() -> list[Question]:
    """One for each route that is in the table."""
    named = {f"{route.method} {route.path}": route for route in ROUTES}
    return [Question(name, named[name], words) for name, words in table().items() if name in named]
