"""Example bodies for the documentation: what is sent, by message, and what is answered, by reply.

Tests say each of the first and hold each of the second against its schema, so that none is out of date. The answers are what the demo
gave when it was asked, shortened; secrets in them are none.
"""

from functools import cache
from pathlib import Path
from typing import Any

import orjson

from messages import access, close_of_business, identity, ledger, loan, loan_calculator, loan_product, member, operations
from messages.base import Message, Reply

_MEMBER = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d001"
_ACCOUNT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101"
_OTHER_ACCOUNT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d102"
_CASH = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d103"
_PRODUCT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d201"
_OFFICER = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d301"

_PASSWORD = "correct horse battery staple"  # noqa: S105 - nobody's
_NEW_PASSWORD = "four brown hens in a row"  # noqa: S105 - nobody's
_MAILED = "pT0uXKqM2v5cVZ1nYw8Rj4hLs7dEa9Gb"
_CHALLENGE = "eyJhbGciOiJIUzI1NiIsInR5cCI6Im1mYStqd3QifQ.eyJzdWIiOiIwMTkyZDRhMCJ9.x0Yw"
_REFRESH = "SEj3EYWlzteic2LGf3tv3m_HO25syMriO0qk7oAm8o4"
_CODE, _RECOVERY_CODE = "492039", "BDTV-FAJI-KUNI-SHAO"

_TERMS = {
    "principal": {"amount": "100000.00", "currency": "KES"},
    "annual_rate_percent": "18",
    "installments": 12,
    "start": "2026-01-15",
    "day_count": "ACT/365F",
}

_PRODUCT_RULES = {
    "currency": "KES",
    "amount": {
        "lowest": {"amount": "5000.00", "currency": "KES"},
        "highest": {"amount": "500000.00", "currency": "KES"},
    },
    "installments": {"lowest": 3, "highest": 36, "default": 12},
    "annual_rate_percent": {"lowest": "12", "highest": "24", "default": "18"},
    "schedule": {"day_count": "ACT/365F"},
    "penalty": {"percent": "0.1", "per": "day", "grace_days": 3},
    "allocation": {"repayment": {"preset": "penalties_fees_interest_principal"}},
    "accounting": {
        "basis": "cash",
        "principal_gl_code": "1100",
        "interest_income": _ACCOUNT,
        "fee_income": _ACCOUNT,
        "penalty_income": _ACCOUNT,
        "charge_off_expense": _OTHER_ACCOUNT,
        "write_off_expense": _OTHER_ACCOUNT,
        "recovery_income": _ACCOUNT,
        "overpayment": _OTHER_ACCOUNT,
        "cash": _CASH,
    },
    "documents": ["Identity card", "Payslip"],
    "guarantors": {"lowest_number": 1, "cover_percent": "50"},
}

_CASHIER = {
    "about": "Pays small amounts out",
    "grants": {
        "accounts:read": {"scope": "branch"},
        "cash:withdraw": {"scope": "branch", "at_most": {"KES": "20000.00"}},
    },
}

_BUSINESS = {
    "legal_name": "Kamau Hardware Ltd",
    "legal_form": "limited_company",
    "registration_number": "PVT-2019-004417",
    "registered_in": "KE",
    "registered_on": "2019-06-03",
    "sector": "trade",
}

_CONTACT = {
    "phones": ["+254712345678"],
    "emails": ["amina@example.org"],
    "address": {"line_1": "Tom Mboya Street 14", "city": "Nairobi", "country": "KE"},
}

EXAMPLES: dict[type[Message], dict[str, Any]] = {
    identity.Login: {"username": "teller@fintech.com", "password": "demo-Coffer-2024"},
    identity.RefreshTokens: {"refresh_token": _REFRESH},
    identity.Logout: {"refresh_token": _REFRESH},
    identity.VerifyMfa: {"challenge": _CHALLENGE, "code": _CODE},
    identity.EnrolMfa: {"password": _PASSWORD},
    identity.ConfirmMfa: {"code": _CODE},
    identity.RemoveMfa: {"password": _PASSWORD, "code": _RECOVERY_CODE},
    identity.RenewRecoveryCodes: {"password": _PASSWORD, "code": _CODE},
    identity.StepUp: {"password": _PASSWORD, "code": _CODE},
    identity.ChangePassword: {"current_password": _PASSWORD, "new_password": _NEW_PASSWORD},
    identity.RequestPasswordReset: {"username": "amina@example.org"},
    identity.VerifyResetToken: {"token": _MAILED},
    identity.ResetPassword: {"token": _MAILED, "new_password": _NEW_PASSWORD},
    identity.MakeApiKey: {"name": "Till 4", "permissions": ["members:read", "cash:deposit"], "expires_in_days": 90},
    identity.CreateUser: {"username": "berta@example.org", "password": _PASSWORD, "roles": ["teller"], "branch": "market"},
    identity.InviteUser: {"username": "juma@example.org", "roles": ["loan_officer"], "branch": "market"},
    identity.AcceptInvitation: {"token": _MAILED, "new_password": _NEW_PASSWORD},
    identity.SetRoles: {"roles": ["teller", "loan_officer"], "reason": "Goes to the field on Fridays"},
    identity.SetBranch: {"branch": "market"},
    identity.LinkMember: {"member_id": _MEMBER},
    identity.DisableUser: {"reason": "Left the institution"},
    identity.ResetMfa: {"reason": "Lost the telephone; was seen in person"},
    access.DefineRole: {"name": "cashier", **_CASHIER, "reason": "Two new counters"},
    access.ChangeRole: {**_CASHIER, "reason": "More is paid out in harvest time"},
    access.ApproveAccessRequest: {"note": "As agreed with the branch"},
    access.RejectAccessRequest: {"note": "Ask for the one branch only"},
    member.RegisterPerson: {
        "person": {"given_name": "Amina", "family_name": "Wanjiru", "born_on": "1991-04-17"},
        "contact": {"phones": ["+254712345678"]},
        "identifiers": [{"kind": "national_id", "country": "KE", "value": "28374651"}],
    },
    member.RegisterBusiness: {"business": _BUSINESS, "contact": _CONTACT},
    member.UpdateContact: {"contact": _CONTACT},
    member.CorrectPerson: {"person": {"given_name": "Amina", "family_name": "Wanjiru", "born_on": "1991-04-18"}},
    member.CorrectBusiness: {"business": {**_BUSINESS, "trading_name": "Kamau Hardware"}},
    member.AddIdentifier: {"identifier": {"kind": "tax_id", "country": "KE", "value": "A004417628K"}},
    member.MoveMember: {"branch": "market"},
    member.ActivateMember: {"note": "Papers seen"},
    member.SuspendMember: {"reason": "documents_expired", "note": "The passport ran out"},
    member.ReactivateMember: {"note": "New passport seen"},
    member.CloseMember: {"reason": "member_request", "note": "Moves abroad"},
    member.FormGroup: {"name": "Umoja", "seats": [{"member_id": _MEMBER, "role": "chair"}]},
    member.AddToGroup: {"member_id": _MEMBER, "role": "treasurer"},
    member.AssignOfficer: {"officer_id": _OFFICER},
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
    ledger.PostHold: {"to_account_id": _OTHER_ACCOUNT, "amount": {"amount": "60.00", "currency": "KES"}},
    ledger.ReverseEntry: {"reason": "Booked twice"},
    ledger.ChangeLimits: {
        "overdraft_limit": {"amount": "5000.00", "currency": "KES"},
        "daily_limit": {"amount": "100000.00", "currency": "KES"},
    },
    ledger.CreateChartAccount: {"code": "1015", "name": "Cash at the market", "kind": "asset"},
    ledger.AdoptStandardChart: {"currency": "KES"},
    ledger.FreezeAccount: {"side": "debit", "reason": "Court order 2026/114"},
    ledger.UnfreezeAccount: {"reason": "The order was lifted"},
    ledger.CloseAccount: {"reason": "The member asked for it"},
    loan_calculator.Quote: {"terms": _TERMS},
    loan_calculator.Schedule: {"terms": {**_TERMS, "principal_grace": 2, "last_cent": "retuned"}},
    loan_calculator.Plot: {"terms": _TERMS, "format": "svg"},
    loan_calculator.PrintSchedule: {"terms": {**_TERMS, "fees": [{"timing": "upfront", "percent": "2"}]}},
    loan_calculator.Explain: {"terms": _TERMS},
    loan_calculator.Payoff: {"terms": _TERMS, "on": "2026-06-30", "charge_percent": "1"},
    loan_calculator.Prepayment: {"terms": _TERMS, "on": "2026-06-15", "amount": {"amount": "20000.00", "currency": "KES"}},
    loan_calculator.Accrual: {"terms": _TERMS, "first": "2026-03-01", "last": "2026-04-01"},
    loan_calculator.Penalty: {
        "due": "2026-03-15",
        "on": "2026-04-02",
        "principal": {"amount": "7800.00", "currency": "KES"},
        "interest": {"amount": "1250.00", "currency": "KES"},
        "percent": "0.1",
        "per": "day",
        "grace_days": 3,
    },
    loan_calculator.AnnualRate: {"terms": {**_TERMS, "fees": [{"timing": "upfront", "percent": "2"}]}},
    loan_calculator.TimeValue: {"function": "PMT", "rate": "0.015", "nper": 12, "pv": "100000"},
    loan_calculator.DayFraction: {"day_count": "ACT/ACT ISDA", "first": "2023-11-01", "last": "2024-05-01"},
    loan_product.CreateLoanProduct: {"code": "BIZ", "name": "Business loan", "rules": _PRODUCT_RULES},
    loan_product.ReviseLoanProduct: {"rules": {**_PRODUCT_RULES, "documents": ["Identity card"]}},
    loan.ApplyForLoan: {
        "member_id": _MEMBER,
        "product_id": _PRODUCT,
        "principal": {"amount": "100000.00", "currency": "KES"},
        "installments": 12,
        "annual_rate_percent": "18",
        "start": "2026-01-15",
        "settlement_account_id": _ACCOUNT,
        "purpose": "Stock for the shop",
    },
    loan.ChangeApplication: {"principal": {"amount": "80000.00", "currency": "KES"}},
    loan.RecordDocument: {"name": "Payslip", "reference": "2026-01"},
    loan.AddGuarantor: {"member_id": _MEMBER, "amount": {"amount": "50000.00", "currency": "KES"}},
    loan.AddCollateral: {"description": "Motorcycle KMCA 123A", "value": {"amount": "90000.00", "currency": "KES"}},
    loan.SubmitLoan: {},
    loan.ReviewLoan: {},
    loan.ApproveLoan: {"note": "Known for years"},
    loan.RejectLoan: {"reason": "Owes too much already"},
    loan.WithdrawLoan: {"reason": "Found the money elsewhere"},
    loan.RequestDisbursement: {"amount": {"amount": "60000.00", "currency": "KES"}, "to_account_id": _ACCOUNT},
    loan.RequestChargeOff: {"reason": "Nothing was paid for half a year"},
    loan.RequestWriteOff: {"reason": "The borrower died without an estate"},
    loan.RequestReschedule: {
        "kind": "payment_holiday",
        "effective_on": "2026-04-15",
        "holiday_installments": 2,
        "reason": "Drought",
    },
    loan.DecideRequest: {"approve": True, "note": "As agreed with the branch"},
    loan.RecordRepayment: {
        "amount": {"amount": "9200.00", "currency": "KES"},
        "paid_from": {"external_payment_id": "QK52XV9A1B"},
        "value_date": "2026-02-15",
        "reference": "February",
    },
    loan.ChargeFee: {"amount": {"amount": "500.00", "currency": "KES"}, "reason": "Visit", "part": "fee"},
    loan.WaiveDue: {"part": "penalty", "amount": {"amount": "120.00", "currency": "KES"}, "reason": "The bridge was out"},
    loan.RefundOverpayment: {"amount": {"amount": "300.00", "currency": "KES"}, "to_account_id": _ACCOUNT},
    loan.RecordRecovery: {"amount": {"amount": "5000.00", "currency": "KES"}, "in_cash": True, "reference": "Bailiff"},
    loan.ReverseTransaction: {"reason": "Booked to the wrong loan"},
    close_of_business.SetBusinessDate: {"business_date": "2026-01-15"},
    close_of_business.RunCloseOfBusiness: {"advance": True},
    operations.ReplayDeadLetter: {"note": "The account is open again"},
    operations.DiscardDeadLetter: {"note": "Told in person, done by hand"},
    operations.ChangePool: {"replicas": 2, "prefetch": 128},
}
"""What is sent."""

_FILE = Path(__file__).with_name("example_answers.json")


@cache
def all_answers() -> dict[str, Any]:
    """Every answer that is shown, by when it is: `Name` of a reply, or `Name, where ...`."""
    answers: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    return answers


def answers_of(reply: type[Reply]) -> dict[str, Any]:
    """Those of one reply."""
    return {when: answer for when, answer in all_answers().items() if when.partition(",")[0] == reply.__name__}
