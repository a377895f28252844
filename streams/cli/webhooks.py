"""
`tillstream webhooks`: have providers send their webhooks to us.

Square is asked here, by the token of the application's owner. Lightspeed K and X are asked by
the running Tillstream, for each account by its own authorisation. Those of other providers are
set up by the provider's own staff, or not at all: each command says what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import typer

from connectors.catalogue import ACCESSES
from streams.cli import account_webhooks, square_webhooks
from streams.cli.console import HERE, MISUSED, Json, line, note, table, told
from streams.errors import SetupError

app = typer.Typer(
    help="Where Square and Lightspeed K and X send their webhooks.", no_args_is_help=True
)

INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "lightspeed-r": "has no webhooks; polls bring everything",
        "toast": "has no API for it: ask Toast's staff for a subscription that leads to "
        "/api/v1/pos/webhooks/toast, and set TILLSTREAM_TOAST__WEBHOOK_SECRETS to its secret",
        "corepos": "has no webhooks; polls bring everything",
        "push": "is not subscribed to: the till sends its sales by itself, see docs/push.md",
    }
)
"""What to do at providers whose webhooks are not ours to set up."""

BY_ACCOUNT = frozenset(name for name, it in ACCESSES.items() if it.webhooks is not None)
"""Providers whose webhooks each account sets up by itself."""


def _by_command(provider: str) -> str:
    """Go on where there is something to ask; elsewhere say what to do instead, and end."""
    if provider == "square" or provider in BY_ACCOUNT:
        return provider
    known = ", ".join(sorted({"square", *BY_ACCOUNT, *INSTEAD}))
    note(
        f"tillstream: {provider} {INSTEAD.get(provider, f'is no provider; there are {known}')}"
    )
    raise typer.Exit(MISUSED)


Provider = Annotated[
    str,
    typer.Option(
        callback=_by_command,
        help="square, lightspeed-k, lightspeed-x; of others it says what to do",
    ),
]

Token = Annotated[
    str | None,
    typer.Option(
        envvar="TILLSTREAM_SQUARE_PERSONAL_TOKEN",
        help="of the application's owner, from Square's dashboard; it is not kept; asked for",
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="TILLSTREAM_API_KEY", help="the tenant's API key; not for Square"),
]
ApiUrl = Annotated[
    str,
    typer.Option(
        "--api", envvar="TILLSTREAM_URL", help="where Tillstream answers; not for Square"
    ),
]
OneAccount = Annotated[
    str | None, typer.Option(help="only this one; else all connected; not for Square")
]
Target = Annotated[
    str | None,
    typer.Option(
        help="for Square; else TILLSTREAM_SQUARE__NOTIFICATION_URL, or TILLSTREAM_PUBLIC_URL's"
    ),
]


@app.command("ls")
@told
def list_subscriptions(
    *,
    provider: Provider = "square",
    token: Token = None,
    url: Target = None,
    api_key: ApiKey = None,
    account: OneAccount = None,
    api: ApiUrl = HERE,
    json: Json = False,
) -> None:
    """List where a provider sends what; "ours" is what leads here."""
    if provider == "square":
        square_webhooks.show(_token(token), url, json=json)
        return
    rows = account_webhooks.known(api, _key(api_key), provider, account)
    if json:
        for row in rows:
            line(row)
        return
    names = ("account_id", "subscription_id", "on", "ours", "url")
    table("Webhooks", names, ([row[name] for name in names] for row in rows))


@app.command()
@told
def ensure(
    *,
    provider: Provider = "square",
    token: Token = None,
    url: Target = None,
    api_key: ApiKey = None,
    account: OneAccount = None,
    api: ApiUrl = HERE,
    json: Json = False,
) -> None:
    """
    Have a provider send all we read; what is right already is left alone.

    The signature key of a new subscription at Square is shown as a line for the environment.
    """
    if provider == "square":
        square_webhooks.ensure(_token(token), url, json=json)
    else:
        account_webhooks.change("PUT", api, _key(api_key), provider, account, json=json)


@app.command()
@told
def remove(
    *,
    provider: Provider = "square",
    token: Token = None,
    url: Target = None,
    api_key: ApiKey = None,
    account: OneAccount = None,
    api: ApiUrl = HERE,
    json: Json = False,
) -> None:
    """Have a provider send nothing here any more; what leads elsewhere stays."""
    if provider == "square":
        square_webhooks.remove(_token(token), url, json=json)
    else:
        account_webhooks.change("DELETE", api, _key(api_key), provider, account, json=json)


def _token(given: str | None) -> str:
    return given or str(typer.prompt("Square's personal access token", hide_input=True))


def _key(given: str | None) -> str:
    if not given:
        raise SetupError("whose accounts? set TILLSTREAM_API_KEY, or give --api-key")
    return given
