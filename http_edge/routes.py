"""The route table: every request the interface takes, and the message that it says. Everything else follows from a row.

A new message over HTTP is one row here. Replies, validation, documentation and tests need no further word.
"""

from http_edge.route import Idempotency, Route
from messages import identity, ledger, loan_calculator, member, operations

REQUIRED = Idempotency.REQUIRED
MEMBER, ENTRY = "/members/{member_id}", "/entries/{entry_id}"

LOGINS_PER_MINUTE = 10
"""From one address: enough for the tellers behind one router, too few to guess by."""
REFRESHES_PER_MINUTE = 60

TAGS: dict[str, str] = {
    "auth": "Logging in and out. The access token goes into the `Authorization: Bearer` header of everything else.",
    "users": "Who may log in, and as what.",
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
    "loan-calculator": "What a loan would cost: schedules, annual rates, payoffs, day counts, to the cent and explained.",
    "dead-letters": "Messages that could not be handled, and what to do with them.",
    "pools": "How many replicas of each actor run, and how.",
}
"""What the documentation says of each resource, in its order."""

AUTH = (
    Route("POST", "/auth/login", identity.Login, public=True, attempts_per_minute=LOGINS_PER_MINUTE),
    Route("POST", "/auth/refresh", identity.RefreshTokens, public=True, attempts_per_minute=REFRESHES_PER_MINUTE),
    Route("POST", "/auth/logout", identity.Logout, public=True, status=204, attempts_per_minute=REFRESHES_PER_MINUTE),
    Route("GET", "/auth/me", identity.WhoAmI),
)

USERS = (
    Route("POST", "/users", identity.CreateUser, permission="users:write", makes="/users/{user_id}"),
    Route("GET", "/users", identity.ListUsers, permission="users:read"),
    Route("GET", "/users/{user_id}", identity.GetUser, permission="users:read"),
    Route("PUT", "/users/{user_id}/roles", identity.SetRoles, permission="users:write"),
    Route("PUT", "/users/{user_id}/member", identity.LinkMember, permission="users:write"),
    Route("POST", "/users/{user_id}/disable", identity.DisableUser, permission="users:write"),
    Route("POST", "/users/{user_id}/enable", identity.EnableUser, permission="users:write"),
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
    Route("POST", "/entries", ledger.PostEntry, permission="entries:post", idempotency=REQUIRED, makes=ENTRY),
    Route("GET", "/entries/{entry_id}", ledger.GetEntry, permission="entries:read"),
    Route(
        "POST",
        "/entries/{entry_id}/reverse",
        ledger.ReverseEntry,
        permission="entries:reverse",
        idempotency=REQUIRED,
        makes=ENTRY,
    ),
    Route("POST", "/transfers", ledger.Transfer, permission="transfers:make", idempotency=REQUIRED, makes=ENTRY),
    Route("POST", "/deposits", ledger.Deposit, permission="cash:deposit", idempotency=REQUIRED, makes=ENTRY),
    Route("POST", "/withdrawals", ledger.Withdraw, permission="cash:withdraw", idempotency=REQUIRED, makes=ENTRY),
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
    Route("POST", "/loan-calculator/explanation", loan_calculator.Explain),
    Route("POST", "/loan-calculator/payoff", loan_calculator.Payoff),
    Route("POST", "/loan-calculator/prepayment", loan_calculator.Prepayment),
    Route("POST", "/loan-calculator/accrual", loan_calculator.Accrual),
    Route("POST", "/loan-calculator/penalty", loan_calculator.Penalty),
    Route("POST", "/loan-calculator/annual-rate", loan_calculator.AnnualRate),
    Route("POST", "/loan-calculator/time-value", loan_calculator.TimeValue),
    Route("POST", "/loan-calculator/day-fraction", loan_calculator.DayFraction),
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

ROUTES: tuple[Route, ...] = (*AUTH, *USERS, *MEMBERS, *GROUPS, *ACCOUNTS, *HOLDS, *MONEY, *BOOKS, *LOAN_CALCULATOR, *OPERATIONS)
