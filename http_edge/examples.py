"""Example bodies for the documentation, by message. A test says each of them, so that none is out of date."""

from typing import Any

from messages import close_of_business, identity, ledger, loan, loan_calculator, loan_product, member
from messages.base import Message

_MEMBER = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d001"
_ACCOUNT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101"
_OTHER_ACCOUNT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d102"
_CASH = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d103"
_PRODUCT = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d201"

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

EXAMPLES: dict[type[Message], dict[str, Any]] = {
    identity.Login: {"username": "teller", "password": "correct horse battery staple"},
    identity.ChangePassword: {"current_password": "correct horse battery staple", "new_password": "four brown hens in a row"},
    identity.RequestPasswordReset: {"username": "amina@example.org"},
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
}
