"""Which accounts and days a question is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from schemas.account import Account
from streams.directory import Caller
from streams.http.auth import account_of
from streams.http.paging import Span
from streams.http.problems import ProblemError
from streams.http.services import Services


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
    spans = []
    for account in sorted(accounts, key=lambda acct: acct.account_id):
        prefix = f"{account.account_id}/"
        # 0xff is above every key of the day before, as no UTF-8 text contains it
        after = None if first is None else f"{prefix}{first - timedelta(days=1)}".encode()
        spans.append(
            Span(
                services.directory.lane(account.account_id),
                prefix.encode(),
                None if after is None else after + b"\xff",
                None if last is None else f"{prefix}{last}".encode(),
            )
        )
    return spans
