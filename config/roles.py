"""What each role may do, to whose things, and up to which amounts.

A permission is granted with a scope. Each reaches what the one before it reaches, and more:

    own      what belongs to the member that the principal is
    group    also what belongs to the members of the groups that the principal looks after
    branch   also what belongs to the members of the principal's branch
    all      everything, the institution's own things too

and, where it is about money, with a limit per currency: what is above it, or in a currency without a limit, is refused.
Two grants of one permission are not mixed: what is done must lie within one of them, scope and limit.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from config.layers import Section, file_layers, overlay, validated

Scope = Literal["own", "group", "branch", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From the narrowest to the widest."""
_WIDTH = {scope: width for width, scope in enumerate(SCOPES)}

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
Permission = Annotated[str, Field(pattern=r"^[a-z-]+:[a-z-]+$")]


def _decimal_text(text: str) -> str:
    if not re.fullmatch(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?", text, re.ASCII):
        raise ValueError('should be a decimal string such as "100000.00"')
    return text


Limit = Annotated[str, Field(strict=True), AfterValidator(_decimal_text)]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Grant(Section):
    """How far a permission reaches."""

    scope: Scope
    """To whose things."""
    at_most: dict[CurrencyCode, Limit] | None = None
    """The largest amount by currency; not set: any amount."""

    @property
    def width(self) -> int:
        """For comparing scopes."""
        return _WIDTH[self.scope]

    def bears(self, amount: str, currency: str) -> bool:
        """Whether an amount lies within the limit."""
        if self.at_most is None:
            return True
        limit = self.at_most.get(currency)
        return limit is not None and Decimal(amount) <= Decimal(limit)

    def covers(self, other: "Grant") -> bool:
        """Whether all that the other allows is allowed by this one too."""
        if self.width < other.width:
            return False
        if self.at_most is None:
            return True
        return other.at_most is not None and all(self.bears(limit, currency) for currency, limit in other.at_most.items())


def _short_form(written: Any) -> Any:
    """`transfers:make: all` is short for `transfers:make: {scope: all}`."""
    return {"scope": written} if isinstance(written, str) else written


Granted = Annotated[Grant, BeforeValidator(_short_form)]


class _Roles(Section):
    roles: dict[RoleName, dict[Permission, Granted]] = Field(default_factory=dict)


def load_roles(config_dir: Path | None = None) -> dict[str, dict[str, Grant]]:
    """Role -> permission -> grant. A role in the operator's file replaces the shipped one whole: it can lose permissions.

    The environment has no say here: a permission is granted where it can be read and reviewed.
    """
    return dict(validated(_Roles, overlay(file_layers(config_dir, "roles.yaml"), whole_at=2)).roles)
