"""`tillstream reconcile`: our totals beside the provider's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from connectors.contract import ConnectorError, Request
from connectors.exchange import Exchange
from connectors.simulation.truth import Totals
from schemas.businessday import BusinessCalendar
from schemas.reconciliation import Agreement, Reconciliation
from streams.cli.accounts import PATH, Key
from streams.cli.api import Api
from streams.cli.console import FAILED, HERE, Json, line, note, table, told
from streams.cli.demo_check import Check, Ours, check
from streams.cli.keys import Url
from streams.errors import SetupError

LOOK_S = 1.0
WAIT_S = 600.0


@told
def reconcile(
    *,
    api_key: Key,
    account: Annotated[
        str | None, typer.Option(help="one account; without it all that are polled")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="a business day; without it yesterday"),
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first of several")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last of several")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="compare with GET /totals of a simulator at this URL")
    ] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """
    Compare our totals with the provider's own, figure by figure, and name what differs.

    The exit status is 1 where anything differs or could not be compared.
    """
    begin, end = (None if it is None else it.date() for it in (first or day, last or day))
    if against is not None:
        tell_check(asyncio.run(_with_totals(url, api_key, against, account)), json=json)
        return
    rows = asyncio.run(with_providers(url, api_key, account, begin, end))
    tell(rows, json=json)


async def _with_totals(url: str, key: str, against: str, account: str | None) -> Check:
    """Compare all days, products and stock of accounts with a simulator's own sums."""
    told_us = await _totals(against)
    known = {day.location_id for day in told_us.days}
    async with Api(url, key) as api:
        accounts = [it for it in await _accounts(api, account) if it["location_id"] in known]
        if not accounts:
            raise SetupError(f"{against} has none of these accounts' locations")
        return check(told_us, [await _ours(api, it) for it in accounts])


async def _totals(against: str) -> Totals:
    async with Exchange(against, authorization="", attempts=1) as exchange:
        try:
            answer = await exchange.ask(Request(method="GET", path="/totals"))
        except ConnectorError as error:
            raise SetupError(f"{against} does not answer: {error}") from None
        return msgspec.json.decode(answer.body, type=Totals)


async def _ours(api: Api, account: Any) -> Ours:
    name = account["account_id"]
    return Ours(
        location_id=account["location_id"],
        sales_days=await api.items("/api/v1/pos/sales-days", account_id=name),
        sales=await api.items("/api/v1/pos/sales", account_id=name),
        inventory=await api.items("/api/v1/pos/inventory", account_id=name),
    )


async def _accounts(api: Api, account: str | None) -> list[Any]:
    if account is not None:
        return [await api.call("GET", f"{PATH}/{account}")]
    found = await api.items(PATH)
    return [it for it in found if it["provider"] != "push" and it["status"] == "connected"]


async def with_providers(
    url: str, key: str, account: str | None, first: date | None, last: date | None
) -> list[Reconciliation]:
    """Have the days compared, account by account, and wait for what is found."""
    async with Api(url, key) as api:
        found: list[Reconciliation] = []
        for it in await _accounts(api, account):
            found += await _compared(api, it, first, last)
        return found


async def _compared(
    api: Api, account: Any, first: date | None, last: date | None
) -> list[Reconciliation]:
    begin = first or _yesterday(account)
    end = last or begin
    path = f"{PATH}/{account['account_id']}/reconciliation"
    asked = await api.call("POST", path, {"from": f"{begin}", "to": f"{end}"})
    since = datetime.fromisoformat(asked["requested_at"])
    query = {"from": f"{begin}", "to": f"{end}"}
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                rows = msgspec.convert(await api.items(path, **query), list[Reconciliation])
                done = [row for row in rows if row.compared_at and row.compared_at >= since]
                if len(done) == asked["days"] or any(row.error for row in rows if row.is_open):
                    return rows
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise SetupError(
            f"{account['account_id']} was not compared within {WAIT_S:.0f} s; is the process "
            "that polls running?"
        ) from None


def _yesterday(account: Any) -> date:
    calendar = BusinessCalendar(account["timezone"], account["cut_off_hour"])
    return calendar.day_of(datetime.now(UTC)) - timedelta(days=1)


def tell(rows: Sequence[Reconciliation], *, json: bool) -> None:
    """Show what was found; end with a status that says whether all of it agrees."""
    for row in rows if json else ():
        line(row)
    if not json:
        columns = ("account", "day", "agreement", ">figures", ">transactions", "what differs")
        table("Reconciliation", columns, map(_cells, rows))
        for row in rows:
            for bill in row.transactions:
                ids = " ".join(f"{kind} {name}" for kind, name in bill.provider_ids.items())
                figures = ", ".join(
                    f"{it.figure} {it.theirs} there, {it.ours} here" for it in bill.figures
                )
                note(f"{row.business_day} {bill.state.value}: {ids}: {figures}")
    if any(row.is_open or row.agreement is not Agreement.AGREES for row in rows):
        sys.exit(FAILED)


def _cells(row: Reconciliation) -> Sequence[object]:
    differs = ", ".join(f"{it.figure} {it.theirs} / {it.ours}" for it in row.figures)
    state = "not compared" if row.is_open else row.agreement.value
    figures, bills = row.figures_compared, row.transactions_compared
    return row.account_id, row.business_day, state, figures, bills, row.error or differs


def tell_check(result: Check, *, json: bool) -> None:
    """Show how a simulator's sums compare; end with a status that says whether they do."""
    if json:
        line(result)
    else:
        note(f"{result.figures} figures compared, {len(result.differences)} differ")
        columns = ("where", "figure", ">theirs", ">ours")
        rows = ((it.where, it.figure, it.theirs, it.ours) for it in result.differences)
        table("Differences", columns, rows)
    if result.differences:
        sys.exit(FAILED)
