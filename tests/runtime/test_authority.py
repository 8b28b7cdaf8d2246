"""What roles allow: the same as a small model says, for any roles, permissions, amounts and principals."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.roles import SCOPES, Grant, Scope
from messages.base import AboveLimit, Forbidden, Refusal
from messages.money import Money
from runtime.principal import Authority, Principal, widest

PERMISSIONS = ["cash:withdraw", "loans:approve", "members:read"]
BUILT_IN, OWN = ["teller", "manager"], ["cashier", "helper", "teller"]
"""An own role that is named like a built-in one does not count."""
AMOUNTS = st.integers(0, 400).map(lambda hundreds: f"{hundreds}.00")
LIMITS = st.none() | st.dictionaries(st.sampled_from(["KES", "USD"]), AMOUNTS, min_size=1)
GRANTS = st.builds(lambda scope, at_most: Grant(scope=scope, at_most=at_most), st.sampled_from(SCOPES), LIMITS)
ROLE = st.dictionaries(st.sampled_from(PERMISSIONS), GRANTS)
MONEY = st.builds(lambda amount, currency: Money(amount=amount, currency=currency), AMOUNTS, st.sampled_from(["KES", "USD"]))

Roles = Mapping[str, Mapping[str, Grant]]


def model(built_in: Roles, own: Roles, roles: list[str], permission: str, money: Money | None, needs: Scope) -> bool:
    """Whether one grant alone allows it: of that permission, as wide as it needs, and up to that amount."""
    for name in roles:
        granted = (built_in[name] if name in built_in else own.get(name, {})).get(permission)
        if granted is None:
            continue
        wide = SCOPES.index(granted.scope) >= SCOPES.index(needs)
        limits = granted.at_most
        low = money is None or limits is None or Decimal(money.amount) <= Decimal(limits.get(money.currency, "-1"))
        if wide and low:
            return True
    return False


def judged(authority: Authority, who: Principal, permission: str, money: Money | None, needs: Scope) -> bool:
    try:
        grants = authority.judge(who, permission, lambda: () if money is None else (money,))
    except Refusal:
        return False
    return SCOPES.index(widest(grants)) >= SCOPES.index(needs)


@given(
    built_in=st.fixed_dictionaries(dict.fromkeys(BUILT_IN, ROLE)),
    own=st.dictionaries(st.sampled_from(OWN), ROLE),
    later=st.dictionaries(st.sampled_from(OWN), ROLE),
    roles=st.lists(st.sampled_from([*BUILT_IN, *OWN, "nobody_knows_this"]), unique=True),
    permission=st.sampled_from(PERMISSIONS),
    money=st.none() | MONEY,
    needs=st.sampled_from(SCOPES),
)
def test_authority_is_what_the_model_says(
    built_in: Roles, own: Roles, later: Roles, roles: list[str], permission: str, money: Money | None, needs: Scope
) -> None:
    authority, who = Authority(built_in), Principal("user", "somebody", tuple(roles))
    authority.replace_own(own, 1)
    assert judged(authority, who, permission, money, needs) == model(built_in, own, roles, permission, money, needs)
    authority.replace_own(later, 2)  # what was remembered of before must not count any more
    assert judged(authority, who, permission, money, needs) == model(built_in, later, roles, permission, money, needs)


@given(one=GRANTS, other=GRANTS, money=MONEY, needs=st.sampled_from(SCOPES))
def test_what_covers_allows_all_that_is_covered(one: Grant, other: Grant, money: Money, needs: Scope) -> None:
    def allows(grant: Grant) -> bool:
        return SCOPES.index(grant.scope) >= SCOPES.index(needs) and grant.bears(money.amount, money.currency)

    assert one.covers(one)
    if one.covers(other):
        assert allows(one) or not allows(other)


def test_no_role_no_permission_and_the_reason_is_told() -> None:
    authority = Authority({"teller": {"cash:deposit": Grant(scope="all", at_most={"KES": "9.50"})}})
    teller = Principal("user", "t", ("teller",))
    with pytest.raises(Forbidden) as no:
        authority.judge(Principal("user", "t"), "cash:deposit")
    assert no.value.rule == "forbidden"
    with pytest.raises(AboveLimit) as above:
        authority.judge(teller, "cash:deposit", lambda: [Money(amount="9.51", currency="KES")])
    assert above.value.facts == {"permission": "cash:deposit", "at_most": "9.50", "currency": "KES"}
    with pytest.raises(AboveLimit) as above:
        authority.judge(teller, "cash:deposit", lambda: [Money(amount="1.00", currency="USD")])
    assert above.value.facts["at_most"] == "0"
    assert authority.judge(Principal("actor", "loan"), "anything:else")
