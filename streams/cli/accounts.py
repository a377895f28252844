"""`tillstream accounts`: POS locations of a tenant, through the running API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connectors.catalogue import logs_in
from streams.cli.api import asked, listed
from streams.cli.console import HERE, Json, line, table, told
from streams.cli.keys import Url

app = typer.Typer(help="POS locations: connect, look, sync.", no_args_is_help=True)

Key = Annotated[str, typer.Option(envvar="TILLSTREAM_API_KEY", help="the tenant's API key")]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="TILLSTREAM_ACCESS_TOKEN",
        help="asked for where the provider wants one; the DSN of a database",
    ),
]
Merchant = Annotated[
    str | None, typer.Option(help="the provider's id of the merchant, where it wants one")
]
Zone = Annotated[str | None, typer.Option(help="where the provider tells none: Europe/Berlin")]
Currency = Annotated[str | None, typer.Option(help="where the provider tells none: EUR")]
CutOff = Annotated[
    int | None, typer.Option(min=0, max=23, help="else the provider's, or midnight")
]
PATH = "/api/v1/pos/accounts"


@app.command("ls")
@told
def list_accounts(*, api_key: Key, url: Url = HERE, json: Json = False) -> None:
    """List the tenant's accounts."""
    accounts = listed(url, api_key, PATH)
    if json:
        for account in accounts:
            line(account)
        return
    columns = ("account", "provider", "location", "zone", "currency", "status")
    names = ("account_id", "provider", "location_name", "timezone", "currency", "status")
    table("Accounts", columns, ([account[name] for name in names] for account in accounts))


@app.command()
@told
def connect(
    provider: Annotated[str, typer.Argument(help="square, …")],
    location_id: Annotated[str, typer.Argument(help="the location's id at the provider")],
    *,
    api_key: Key,
    access_token: Token = None,
    merchant: Merchant = None,
    timezone: Zone = None,
    currency: Currency = None,
    cut_off_hour: CutOff = None,
    history_days: Annotated[
        int | None, typer.Option(help="import the sales of so many days, too")
    ] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Connect a location; its name, zone and currency come from the provider if it can."""
    if access_token is None and not logs_in(provider):
        access_token = typer.prompt("Access token", hide_input=True)
    given = {
        "access_token": access_token,
        "merchant": merchant,
        "timezone": timezone,
        "currency": currency,
        "cut_off_hour": cut_off_hour,
    }
    form = {
        "provider": provider,
        "location_id": location_id,
        **{name: value for name, value in given.items() if value is not None},
    }
    (account,) = asked(url, api_key, ("POST", PATH, form))
    if history_days is not None:
        path = f"{PATH}/{account['account_id']}/sync/historical"
        list(asked(url, api_key, ("POST", path, {"days": history_days})))
    _show(account, json=json)


@app.command()
@told
def till(
    location_id: Annotated[str, typer.Argument(help="how you call it; it stays")],
    *,
    name: Annotated[str, typer.Option(help="for people")],
    timezone: Annotated[str, typer.Option(help="IANA name, Europe/Berlin")],
    currency: Annotated[str, typer.Option(help="ISO 4217; it never changes")],
    api_key: Key,
    cut_off_hour: Annotated[int, typer.Option(min=0, max=23)] = 0,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Set up a till of your own, that pushes its sales or is imported from files."""
    form = {
        "provider": "push",
        "location_id": location_id,
        "location_name": name,
        "timezone": timezone,
        "currency": currency,
        "cut_off_hour": cut_off_hour,
    }
    (account,) = asked(url, api_key, ("POST", PATH, form))
    _show(account, json=json)


@app.command()
@told
def status(account_id: str, *, api_key: Key, url: Url = HERE, json: Json = False) -> None:
    """Show an account and how its polling stands."""
    account, state = asked(
        url,
        api_key,
        ("GET", f"{PATH}/{account_id}", None),
        ("GET", f"{PATH}/{account_id}/sync", None),
    )
    _show({**account, **state}, json=json)


@app.command()
@told
def sync(
    account_id: str,
    *,
    run_as: Annotated[str | None, typer.Option(help="in whose name; kept for ever")] = None,
    message: Annotated[str | None, typer.Option(help="why; kept for ever")] = None,
    api_key: Key,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Poll the provider now."""
    reason = {"run_as": run_as, "message": message}
    (run,) = asked(url, api_key, ("POST", f"{PATH}/{account_id}/sync", reason))
    _show(run, json=json)


@app.command()
@told
def disconnect(account_id: str, *, api_key: Key, url: Url = HERE, json: Json = False) -> None:
    """Stop polling an account; what it brought stays."""
    (account,) = asked(url, api_key, ("DELETE", f"{PATH}/{account_id}", None))
    _show(account, json=json)


def _show(fields: dict[str, Any], *, json: bool) -> None:
    if json:
        line(fields)
    else:
        table("Account", ("", ""), ((name, value) for name, value in fields.items()))
