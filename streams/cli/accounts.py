"""`tillstream accounts`: POS locations of a tenant, through the running API."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from streams.cli.api import Api, asked
from streams.cli.console import Json, line, table, told
from streams.cli.keys import HERE, Url

app = typer.Typer(help="POS locations: connect, look, sync.", no_args_is_help=True)

Key = Annotated[str, typer.Option(envvar="TILLSTREAM_API_KEY", help="the tenant's API key")]
PATH = "/api/v1/pos/accounts"


@app.command("ls")
@told
def list_accounts(*, api_key: Key, url: Url = HERE, json: Json = False) -> None:
    """List the tenant's accounts."""

    async def main() -> list[Any]:
        api = Api(url, api_key)
        try:
            return await api.items(PATH)
        finally:
            await api.close()

    accounts = asyncio.run(main())
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
    access_token: Annotated[
        str,
        typer.Option(envvar="TILLSTREAM_ACCESS_TOKEN", prompt=True, hide_input=True),
    ],
    api_key: Key,
    cut_off_hour: Annotated[int, typer.Option(min=0, max=23)] = 0,
    history_days: Annotated[
        int | None, typer.Option(help="import the sales of so many days, too")
    ] = None,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Connect a location; its name, zone and currency come from the provider."""
    form = {
        "provider": provider,
        "location_id": location_id,
        "access_token": access_token,
        "cut_off_hour": cut_off_hour,
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
def sync(account_id: str, *, api_key: Key, url: Url = HERE, json: Json = False) -> None:
    """Poll the provider now."""
    (run,) = asked(url, api_key, ("POST", f"{PATH}/{account_id}/sync", None))
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
