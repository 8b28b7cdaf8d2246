"""The route table: every request the interface takes, and the message that it says. Everything else follows from a row.

A new message over HTTP is one row here. Replies, validation, documentation and tests need no further word.
"""

from http_edge.route import Fresh, Idempotency, Route
from messages import (
    access,
    close_of_business,
    identity,
    ledger,
    loan,
    loan_calculator,
    loan_product,
    member,
    operations,
    portfolio,
)

REQUIRED = Idempotency.REQUIRED
MEMBER, ENTRY = "/members/{member_id}", "/entries/{entry_id}"
LOAN_PRODUCT, CLOSE_RUN = "/loan-products/{product_id}", "/close-of-business/{run_id}"

TAGS: dict[str, str] = {
    "auth": "Logging in and out. The access token goes into the `Authorization: Bearer` header of everything else.",
    "password": "Changing a password, and what to do when it is forgotten.",
    "users": "Who may log in, and as what.",
    "api-keys": "Keys for programs: each works in the name of the user who made it, with some of that user's permissions.",
    "roles": "What users may do, by name: built-in roles, and the institution's own.",
    "permissions": "What a role can grant, and how far.",
    "access-requests": "Roles of users and definitions of roles, asked for by one and approved by another.",
    "branches": "Where members belong and users work.",
    "members": "The persons and businesses that belong to the institution.",
    "groups": "Solidarity groups of members.",
    "accounts": "Accounts: what they hold, their statements, freezes, limits and holds.",
    "holds": "Reserved money, until it is paid out, released, or lapses.",
    "entries": "The journal: balanced entries, never changed, taken back only by a counter-entry.",
    "transfers": "Money from one account to another.",
    "deposits": "Money that is paid in.",
    "withdrawals": "Money that is paid out.",
    "chart-of-accounts": "The general ledger that accounts are summed under.",
    "trial-balance": "The books, and the proof that they agree.",
    "loans": "Loans from an application to the last payment: who asks, who decides, what is paid, what is owed on any day.",
    "loan-calculator": "What a loan would cost: schedules, annual rates, payoffs, day counts, to the cent and explained.",
    "portfolio": "All loans together: outstanding, ageing, at risk, provisions, vintages, and the proof against the ledger.",
    "loan-products": "The products that loans are made under, version by version.",
    "business-date": "The institution's day, which moves on when it is told to.",
    "close-of-business": "Runs that close the business date for every loan: accrual, penalties, arrears.",
    "dead-letters": "Messages that could not be handled, and what to do with them.",
    "pools": "How many replicas of each actor run, and how.",
}
"""What the documentation says of each resource, in its order."""

AUTH = (
    Route("POST", "/auth/login", identity.Login, public=True),
    Route("POST", "/auth/refresh", identity.RefreshTokens, public=True),
    Route(
        "POST",
        "/auth/logout",
        identity.Logout,
        public=True,
        status=204,
        changes_access=True,
    ),
    Route(
        "POST",
        "/auth/logout-all",
        identity.LogoutEverywhere,
        status=204,
        changes_access=True,
        for_restricted=True,
        login_only=True,
    ),
    Route("GET", "/auth/me", identity.WhoAmI, for_restricted=True),
    Route("GET", "/auth/sessions", identity.ListSessions, for_restricted=True, login_only=True),
    Route("DELETE", "/auth/sessions", identity.EndOtherSessions, status=204, changes_access=True, login_only=True),
    Route("DELETE", "/auth/sessions/{session_id}", identity.EndSession, status=204, changes_access=True, login_only=True),
)

MFA = (
    Route("POST", "/auth/mfa/verify", identity.VerifyMfa, public=True),
    Route("GET", "/auth/mfa", identity.GetMfa, login_only=True, for_restricted=True),
    Route("POST", "/auth/mfa/enrol", identity.EnrolMfa, login_only=True, for_restricted=True),
    Route("POST", "/auth/mfa/confirm", identity.ConfirmMfa, login_only=True, for_restricted=True, changes_access=True),
    Route("POST", "/auth/mfa/remove", identity.RemoveMfa, login_only=True, changes_access=True),
    Route("POST", "/auth/mfa/recovery-codes", identity.RenewRecoveryCodes, login_only=True),
    Route("POST", "/auth/step-up", identity.StepUp, login_only=True),
)

API_KEYS = (
    Route("POST", "/api-keys", identity.MakeApiKey, login_only=True, fresh=Fresh.ALWAYS, status=201),
    Route("GET", "/api-keys", identity.ListApiKeys, login_only=True),
    Route("DELETE", "/api-keys/{api_key_id}", identity.RevokeApiKey, login_only=True, changes_access=True, status=204),
)

PASSWORD = (
    Route(
        "POST",
        "/password/change",
        identity.ChangePassword,
        status=204,
        changes_access=True,
        for_restricted=True,
        also=(429,),
        login_only=True,
    ),
    Route(
        "POST",
        "/password/reset-request",
        identity.RequestPasswordReset,
        public=True,
        status=202,
        idempotency=Idempotency.NONE,
    ),
    Route(
        "POST",
        "/password/verify-token",
        identity.VerifyResetToken,
        public=True,
    ),
    Route(
        "POST",
        "/password/reset",
        identity.ResetPassword,
        public=True,
        status=204,
        changes_access=True,
    ),
)

USERS = (
    Route("POST", "/users", identity.CreateUser, permission="users:write", makes="/users/{user_id}", fresh=Fresh.ALWAYS),
    Route("GET", "/users", identity.ListUsers, permission="users:read"),
    Route("GET", "/users/{user_id}", identity.GetUser, permission="users:read"),
    Route(
        "PUT", "/users/{user_id}/roles", identity.SetRoles, permission="users:write", changes_access=True, fresh=Fresh.ALWAYS
    ),
    Route("PUT", "/users/{user_id}/branch", identity.SetBranch, permission="users:write", changes_access=True),
    Route(
        "PUT", "/users/{user_id}/member", identity.LinkMember, permission="users:write", changes_access=True, fresh=Fresh.ALWAYS
    ),
    Route("POST", "/users/{user_id}/disable", identity.DisableUser, permission="users:write", changes_access=True),
    Route("POST", "/users/{user_id}/enable", identity.EnableUser, permission="users:write", changes_access=True),
    Route(
        "POST",
        "/users/{user_id}/require-password-change",
        identity.RequirePasswordChange,
        permission="users:write",
        changes_access=True,
    ),
    Route(
        "POST",
        "/users/{user_id}/reset-mfa",
        identity.ResetMfa,
        permission="users:write",
        status=204,
        changes_access=True,
        login_only=True,
        fresh=Fresh.ALWAYS,
    ),
    Route(
        "POST",
        "/users/{user_id}/end-sessions",
        identity.EndUserSessions,
        permission="users:write",
        status=204,
        changes_access=True,
    ),
)

INVITATIONS = (
    Route("POST", "/users/invitations", identity.InviteUser, permission="users:write", status=201),
    Route("POST", "/users/{user_id}/invite-again", identity.InviteAgain, permission="users:write"),
    Route(
        "POST",
        "/auth/accept-invitation",
        identity.AcceptInvitation,
        public=True,
        status=204,
    ),
)

ROLES = (
    Route("GET", "/roles", access.ListRoles, permission="roles:read"),
    Route("POST", "/roles", access.DefineRole, permission="roles:write", makes="/access-requests/{request_id}"),
    Route("GET", "/roles/{name}", access.GetRole, permission="roles:read"),
    Route("PUT", "/roles/{name}", access.ChangeRole, permission="roles:write"),
    Route("GET", "/permissions", access.ListPermissions, permission="roles:read"),
    Route("GET", "/branches", access.ListBranches),
    Route("GET", "/access-requests", access.ListAccessRequests, permission="access-requests:read"),
    Route("GET", "/access-requests/{request_id}", access.GetAccessRequest, permission="access-requests:read"),
    Route(
        "POST",
        "/access-requests/{request_id}/approve",
        access.ApproveAccessRequest,
        permission="access-requests:decide",
        changes_access=True,
    ),
    Route("POST", "/access-requests/{request_id}/reject", access.RejectAccessRequest, permission="access-requests:decide"),
)

MEMBERS = (
    Route("POST", "/members/persons", member.RegisterPerson, permission="members:write", makes=MEMBER),
    Route("POST", "/members/businesses", member.RegisterBusiness, permission="members:write", makes=MEMBER),
    Route("GET", "/members", member.SearchMembers, permission="members:read"),
    Route("GET", "/members/{member_id}", member.GetMember, permission="members:read"),
    Route("PUT", "/members/{member_id}/contact", member.UpdateContact, permission="members:write"),
    Route("PUT", "/members/{member_id}/person", member.CorrectPerson, permission="members:write"),
    Route("PUT", "/members/{member_id}/business", member.CorrectBusiness, permission="members:write"),
    Route("POST", "/members/{member_id}/identifiers", member.AddIdentifier, permission="members:write", status=201),
    Route("DELETE", "/members/{member_id}/identifiers/{identifier_id}", member.RemoveIdentifier, permission="members:write"),
    Route("PUT", "/members/{member_id}/branch", member.MoveMember, permission="members:move"),
    Route("POST", "/members/{member_id}/activate", member.ActivateMember, permission="members:status"),
    Route("POST", "/members/{member_id}/suspend", member.SuspendMember, permission="members:status"),
    Route("POST", "/members/{member_id}/reactivate", member.ReactivateMember, permission="members:status"),
    Route("POST", "/members/{member_id}/close", member.CloseMember, permission="members:status"),
    Route("GET", "/members/{member_id}/status-changes", member.ListStatusChanges, permission="members:history"),
)

GROUPS = (
    Route("POST", "/groups", member.FormGroup, permission="groups:write", makes="/groups/{group_id}"),
    Route("GET", "/groups", member.ListGroups, permission="groups:read"),
    Route("GET", "/groups/{group_id}", member.GetGroup, permission="groups:read"),
    Route("POST", "/groups/{group_id}/members", member.AddToGroup, permission="groups:write", status=201),
    Route("PUT", "/groups/{group_id}/officer", member.AssignOfficer, permission="groups:assign"),
    Route("DELETE", "/groups/{group_id}/members/{member_id}", member.RemoveFromGroup, permission="groups:write"),
)

ACCOUNTS = (
    Route("POST", "/accounts", ledger.OpenAccount, permission="accounts:open", makes="/accounts/{account_id}"),
    Route("GET", "/accounts", ledger.ListAccounts, permission="accounts:read"),
    Route("GET", "/accounts/{account_id}", ledger.GetAccount, permission="accounts:read"),
    Route("GET", "/accounts/{account_id}/statement", ledger.GetStatement, permission="accounts:read"),
    Route("GET", "/accounts/{account_id}/balance", ledger.GetBalance, permission="accounts:read"),
    Route("POST", "/accounts/{account_id}/freeze", ledger.FreezeAccount, permission="accounts:freeze"),
    Route("POST", "/accounts/{account_id}/unfreeze", ledger.UnfreezeAccount, permission="accounts:freeze"),
    Route("POST", "/accounts/{account_id}/close", ledger.CloseAccount, permission="accounts:close"),
    Route("PUT", "/accounts/{account_id}/limits", ledger.ChangeLimits, permission="accounts:limits"),
    Route(
        "POST",
        "/accounts/{account_id}/holds",
        ledger.PlaceHold,
        permission="accounts:hold",
        idempotency=REQUIRED,
        makes="/holds/{hold_id}",
    ),
    Route("GET", "/accounts/{account_id}/holds", ledger.ListHolds, permission="accounts:read"),
)

HOLDS = (
    Route("GET", "/holds/{hold_id}", ledger.GetHold, permission="accounts:read"),
    Route("POST", "/holds/{hold_id}/post", ledger.PostHold, permission="accounts:hold", idempotency=REQUIRED),
    Route("POST", "/holds/{hold_id}/void", ledger.VoidHold, permission="accounts:hold", idempotency=REQUIRED),
)

MONEY = (
    Route(
        "POST",
        "/entries",
        ledger.PostEntry,
        permission="entries:post",
        idempotency=REQUIRED,
        makes=ENTRY,
        fresh=Fresh.ABOVE_LIMIT,
    ),
    Route("GET", "/entries/{entry_id}", ledger.GetEntry, permission="entries:read"),
    Route(
        "POST",
        "/entries/{entry_id}/reverse",
        ledger.ReverseEntry,
        permission="entries:reverse",
        idempotency=REQUIRED,
        makes=ENTRY,
    ),
    Route(
        "POST",
        "/transfers",
        ledger.Transfer,
        permission="transfers:make",
        idempotency=REQUIRED,
        makes=ENTRY,
        fresh=Fresh.ABOVE_LIMIT,
    ),
    Route("POST", "/deposits", ledger.Deposit, permission="cash:deposit", idempotency=REQUIRED, makes=ENTRY),
    Route(
        "POST",
        "/withdrawals",
        ledger.Withdraw,
        permission="cash:withdraw",
        idempotency=REQUIRED,
        makes=ENTRY,
        fresh=Fresh.ABOVE_LIMIT,
    ),
)

BOOKS = (
    Route("GET", "/chart-of-accounts", ledger.ListChart, permission="chart:read"),
    Route("POST", "/chart-of-accounts", ledger.CreateChartAccount, permission="chart:write", status=201),
    Route("POST", "/chart-of-accounts/standard", ledger.AdoptStandardChart, permission="chart:write"),
    Route("GET", "/trial-balance", ledger.GetTrialBalance, permission="trial-balance:read"),
    Route("GET", "/trial-balance/proof", ledger.ProveBooks, permission="trial-balance:read"),
)

LOAN_CALCULATOR = (
    Route("POST", "/loan-calculator/quote", loan_calculator.Quote),
    Route("POST", "/loan-calculator/schedule", loan_calculator.Schedule),
    Route("POST", "/loan-calculator/plot", loan_calculator.Plot, serves="content"),
    Route("POST", "/loan-calculator/document", loan_calculator.PrintSchedule, serves="content"),
    Route("POST", "/loan-calculator/explanation", loan_calculator.Explain),
    Route("POST", "/loan-calculator/payoff", loan_calculator.Payoff),
    Route("POST", "/loan-calculator/prepayment", loan_calculator.Prepayment),
    Route("POST", "/loan-calculator/accrual", loan_calculator.Accrual),
    Route("POST", "/loan-calculator/penalty", loan_calculator.Penalty),
    Route("POST", "/loan-calculator/annual-rate", loan_calculator.AnnualRate),
    Route("POST", "/loan-calculator/time-value", loan_calculator.TimeValue),
    Route("POST", "/loan-calculator/day-fraction", loan_calculator.DayFraction),
)

LOAN = "/loans/{loan_id}"
LOANS = (
    Route("POST", "/loans", loan.ApplyForLoan, permission="loans:apply", makes=LOAN),
    Route("GET", "/loans", loan.ListLoans, permission="loans:read"),
    Route("GET", LOAN, loan.GetLoan, permission="loans:read"),
    Route("PATCH", LOAN, loan.ChangeApplication, permission="loans:apply"),
    Route("POST", f"{LOAN}/documents", loan.RecordDocument, permission="loans:apply", status=201),
    Route("POST", f"{LOAN}/guarantors", loan.AddGuarantor, permission="loans:apply", status=201),
    Route("DELETE", f"{LOAN}/guarantors/{{guarantor_id}}", loan.RemoveGuarantor, permission="loans:apply"),
    Route("POST", f"{LOAN}/collateral", loan.AddCollateral, permission="loans:apply", status=201),
    Route("DELETE", f"{LOAN}/collateral/{{collateral_id}}", loan.RemoveCollateral, permission="loans:apply"),
    Route("POST", f"{LOAN}/submit", loan.SubmitLoan, permission="loans:apply"),
    Route("POST", f"{LOAN}/review", loan.ReviewLoan, permission="loans:review"),
    Route("POST", f"{LOAN}/approve", loan.ApproveLoan, permission="loans:approve"),
    Route("POST", f"{LOAN}/reject", loan.RejectLoan, permission="loans:approve"),
    Route("POST", f"{LOAN}/withdraw", loan.WithdrawLoan, permission="loans:apply"),
    Route(
        "POST",
        f"{LOAN}/disbursement-requests",
        loan.RequestDisbursement,
        permission="loans:disburse",
        status=201,
        fresh=Fresh.ABOVE_LIMIT,
    ),
    Route(
        "POST",
        f"{LOAN}/charge-off-requests",
        loan.RequestChargeOff,
        permission="loans:write-off",
        status=201,
        fresh=Fresh.ALWAYS,
    ),
    Route(
        "POST", f"{LOAN}/write-off-requests", loan.RequestWriteOff, permission="loans:write-off", status=201, fresh=Fresh.ALWAYS
    ),
    Route("POST", f"{LOAN}/reschedule-requests", loan.RequestReschedule, permission="loans:reschedule", status=201),
    Route("GET", f"{LOAN}/requests", loan.ListLoanRequests, permission="loans:read"),
    Route(
        "POST",
        f"{LOAN}/requests/{{request_id}}/decide",
        loan.DecideRequest,
        permission="loans:approve",
        idempotency=REQUIRED,
        fresh=Fresh.ALWAYS,
    ),
    Route("POST", f"{LOAN}/repayments", loan.RecordRepayment, permission="loans:repay", idempotency=REQUIRED, status=201),
    Route("POST", f"{LOAN}/charges", loan.ChargeFee, permission="loans:charge", idempotency=REQUIRED, status=201),
    Route("POST", f"{LOAN}/waivers", loan.WaiveDue, permission="loans:waive", idempotency=REQUIRED, status=201),
    Route(
        "POST",
        f"{LOAN}/refunds",
        loan.RefundOverpayment,
        permission="loans:repay",
        idempotency=REQUIRED,
        status=201,
        fresh=Fresh.ABOVE_LIMIT,
    ),
    Route("POST", f"{LOAN}/recoveries", loan.RecordRecovery, permission="loans:repay", idempotency=REQUIRED, status=201),
    Route(
        "POST",
        f"{LOAN}/transactions/{{transaction_id}}/reverse",
        loan.ReverseTransaction,
        permission="loans:reverse",
        idempotency=REQUIRED,
        status=201,
    ),
    Route("GET", f"{LOAN}/transactions", loan.ListLoanTransactions, permission="loans:read"),
    Route("GET", f"{LOAN}/schedule", loan.GetLoanSchedule, permission="loans:read"),
    Route("GET", f"{LOAN}/schedule/plot", loan.PlotLoanSchedule, permission="loans:read", serves="content"),
    Route("GET", f"{LOAN}/schedule/document", loan.PrintLoanSchedule, permission="loans:read", serves="content"),
    Route("GET", f"{LOAN}/balances", loan.GetLoanBalances, permission="loans:read"),
    Route("GET", f"{LOAN}/payoff", loan.GetLoanPayoff, permission="loans:read", also=(409,)),
)

PORTFOLIO = (
    Route("GET", "/portfolio", portfolio.GetOutstanding, permission="portfolio:read"),
    Route("GET", "/portfolio/ageing", portfolio.GetAgeing, permission="portfolio:read"),
    Route("GET", "/portfolio/at-risk", portfolio.GetAtRisk, permission="portfolio:read"),
    Route("GET", "/portfolio/provisions", portfolio.GetProvisions, permission="portfolio:read"),
    Route("GET", "/portfolio/vintages", portfolio.GetVintages, permission="portfolio:read"),
    Route("GET", "/portfolio/proof", portfolio.ProvePortfolio, permission="portfolio:read"),
)

LOAN_PRODUCTS = (
    Route("POST", "/loan-products", loan_product.CreateLoanProduct, permission="products:write", makes=LOAN_PRODUCT),
    Route("GET", "/loan-products", loan_product.ListLoanProducts, permission="products:read"),
    Route("GET", LOAN_PRODUCT, loan_product.GetLoanProduct, permission="products:read"),
    Route("POST", f"{LOAN_PRODUCT}/revise", loan_product.ReviseLoanProduct, permission="products:write"),
    Route("POST", f"{LOAN_PRODUCT}/retire", loan_product.RetireLoanProduct, permission="products:write"),
)

END_OF_DAY = (
    Route("GET", "/business-date", close_of_business.GetBusinessDate, permission="business-date:read", also=(404,)),
    Route("PUT", "/business-date", close_of_business.SetBusinessDate, permission="business-date:write"),
    Route(
        "POST",
        "/close-of-business",
        close_of_business.RunCloseOfBusiness,
        permission="close-of-business:run",
        makes=CLOSE_RUN,
    ),
    Route("GET", "/close-of-business", close_of_business.ListCloseRuns, permission="close-of-business:read"),
    Route("GET", CLOSE_RUN, close_of_business.GetCloseOfBusiness, permission="close-of-business:read"),
    Route("POST", f"{CLOSE_RUN}/pause", close_of_business.PauseCloseOfBusiness, permission="close-of-business:run"),
    Route("POST", f"{CLOSE_RUN}/resume", close_of_business.ResumeCloseOfBusiness, permission="close-of-business:run"),
)

OPERATIONS = (
    Route("GET", "/dead-letters", operations.ListDeadLetters, permission="dead-letters:read"),
    Route("GET", "/dead-letters/{dead_letter_id}", operations.GetDeadLetter, permission="dead-letters:read"),
    Route("POST", "/dead-letters/{dead_letter_id}/replay", operations.ReplayDeadLetter, permission="dead-letters:manage"),
    Route("POST", "/dead-letters/{dead_letter_id}/discard", operations.DiscardDeadLetter, permission="dead-letters:manage"),
    Route("GET", "/pools", operations.ListPools, permission="pools:read"),
    Route("PATCH", "/pools/{pool}", operations.ChangePool, permission="pools:manage"),
    Route("POST", "/pools/{pool}/reset", operations.ResetPool, permission="pools:manage"),
)

ROUTES: tuple[Route, ...] = (
    *AUTH,
    *MFA,
    *PASSWORD,
    *USERS,
    *API_KEYS,
    *INVITATIONS,
    *ROLES,
    *MEMBERS,
    *GROUPS,
    *ACCOUNTS,
    *HOLDS,
    *MONEY,
    *BOOKS,
    *LOANS,
    *LOAN_CALCULATOR,
    *PORTFOLIO,
    *LOAN_PRODUCTS,
    *END_OF_DAY,
    *OPERATIONS,
)
