"""Which accounts and days a question is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from schemas.account import Account
from streams.directory import Caller
from streams.http.auth import account_of
from streams.http.problems import ProblemError
from streams.http.services import Services
from streams.spans import Span, day_span


def accounts_asked(services: Services, caller: Caller, account_id: str | None) -> list[Account]:
    """
    Return the one account that is asked for, or all of the caller's.

    Raises:
        ProblemError: 404, the account is not the caller's.
    """
    if account_id is None:
        return services.directory.accounts_of(caller.tenant.tenant_id)
    return [account_of(services, caller, account_id)]


def day_spans(
    services: Services, accounts: Iterable[Account], first: date | None, last: date | None
) -> list[Span]:
    """
    Return the stretches of tables keyed account/day/… that lie within days, both inclusive.

    Raises:
        ProblemError: 422, the last day is before the first.
    """
    if first is not None and last is not None and last < first:
        raise ProblemError(422, "`to` is before `from`")
    return [
        day_span(account.account_id, services.directory.lane(account.account_id), first, last)
        for account in sorted(accounts, key=lambda acct: acct.account_id)
    ]
