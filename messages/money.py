"""Money on the wire: a decimal string and an ISO 4217 currency. Integer minor units inside, never a float.

    Money(amount="1250.00", currency="KES").minor  ->  125000

Currency codes and their minor units are the ISO 4217 list of 2026-01-01 (codes without minor units, such as XAU, left out).
"""

import re
from functools import lru_cache
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

_EXPONENTS: dict[int, str] = {
    0: ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
        "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
        "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
        "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
        "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
        "YER ZAR ZMW ZWG"
    ),
    3: ("BHD IQD JOD KWD LYD OMR TND"),
    4: ("CLF UYW"),
}
MINOR_UNITS: dict[str, int] = {code: exponent for exponent, codes in _EXPONENTS.items() for code in codes.split()}
"""Digits after the decimal point, by currency code."""

LARGEST_MINOR = 10**17 - 1
"""The largest amount in minor units: two orders of magnitude below a PostgreSQL bigint, so that sums do not overflow."""

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?", re.ASCII)


def _known_currency(code: str) -> str:
    if code not in MINOR_UNITS:
        raise PydanticCustomError("currency", "{code} is no ISO 4217 currency code", {"code": repr(code[:8])})
    return code


Currency = Annotated[str, AfterValidator(_known_currency)]
"""An ISO 4217 alphabetic code."""


@lru_cache(maxsize=4096)
def to_minor(amount: str, currency: str) -> int:
    """A decimal string in minor units of the currency. ValueError where it has more decimals than the currency."""
    if not _DECIMAL.fullmatch(amount):
        raise ValueError('write the amount as a decimal string such as "1250.00"')
    whole, _, fraction = amount.partition(".")
    digits = MINOR_UNITS[currency]
    if len(fraction) > digits and fraction[digits:].strip("0"):
        raise ValueError(f"{currency} has {digits} decimals, not {len(fraction)}")
    minor = int(whole + fraction[:digits].ljust(digits, "0"))
    if abs(minor) > LARGEST_MINOR:
        raise ValueError("the amount is too large")
    return minor


def to_decimal(minor: int, currency: str) -> str:
    """Minor units as a decimal string with all of the currency's decimals: (125000, KES) is "1250.00"."""
    digits = MINOR_UNITS[currency]
    if digits == 0:
        return str(minor)
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{'-' if minor < 0 else ''}{text[:-digits]}.{text[-digits:]}"


class Money(BaseModel):
    """An amount in a currency. Zero and below are for balances; a command takes `PositiveMoney`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    amount: str
    """Decimal string; no more decimals than the currency has."""
    currency: Currency

    @model_validator(mode="after")
    def _amount_fits_the_currency(self) -> Self:
        try:
            minor = to_minor(self.amount, self.currency)
        except ValueError as wrong:
            raise PydanticCustomError("amount", "{reason}", {"reason": str(wrong)}) from None
        # One spelling, so that "5" and "5.00" are the same money.
        object.__setattr__(self, "amount", to_decimal(minor, self.currency))
        return self

    @property
    def minor(self) -> int:
        """The amount in minor units."""
        return to_minor(self.amount, self.currency)

    @classmethod
    def of(cls, minor: int, currency: str) -> "Money":
        """Money from minor units that are known to be right (no validation)."""
        return _known(minor, currency)


@lru_cache(maxsize=4096)
def _known(minor: int, currency: str) -> Money:
    return Money.model_construct(amount=to_decimal(minor, currency), currency=currency)


def _above_zero(money: Money) -> Money:
    if money.minor <= 0:
        raise PydanticCustomError("amount", "the amount must be above zero")
    return money


PositiveMoney = Annotated[Money, AfterValidator(_above_zero)]
"""Money above zero."""
