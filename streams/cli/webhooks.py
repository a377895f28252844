"""
`tillstream webhooks`: have Square send its webhooks to us.

Those of other providers are set up by the worker, by the provider's own staff, or not at all;
for them each command says what to do instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from connectors.access import Place, url_of
from connectors.catalogue import ACCESSES
from connectors.contract import ConnectorError, Conversation, CredentialsError, Page
from connectors.exchange import Exchange
from connectors.square import subscriptions as square
from connectors.square.subscriptions import Subscription
from streams.cli.console import MISUSED, Json, line, note, table, told
from streams.errors import SetupError
from streams.settings import load

app = typer.Typer(
    help="Where Square sends its webhooks; Lightspeed K and X are asked by the worker.",
    no_args_is_help=True,
)

WHERE = "/api/v1/pos/webhooks/square"
BY_WORKER = (
    "is asked by the worker when an account is connected, and daily; set TILLSTREAM_PUBLIC_URL "
    "to an https URL and leave TILLSTREAM_ASK_FOR_WEBHOOKS on"
)
INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "lightspeed-k": f"{BY_WORKER}; webhooks carry TILLSTREAM_LIGHTSPEED_K__WEBHOOK_LOGIN",
        "lightspeed-x": f"{BY_WORKER}; the merchant has to have granted the scope webhooks",
        "lightspeed-r": "has no webhooks; polls bring everything",
        "toast": "has no API for it: ask Toast's staff for a subscription that leads to "
        "/api/v1/pos/webhooks/toast, and set TILLSTREAM_TOAST__WEBHOOK_SECRETS to its secret",
        "corepos": "has no webhooks; polls bring everything",
        "push": "is not subscribed to: the till sends its sales by itself, see docs/push.md",
    }
)
"""What to do at providers whose webhooks are not ours to set up from here."""


def _by_command(provider: str) -> str:
    """Go on with Square; for another provider say what to do instead, and end."""
    if provider == "square":
        return provider
    known = ", ".join(sorted({"square", *INSTEAD}))
    note(
        f"tillstream: {provider} {INSTEAD.get(provider, f'is no provider; there are {known}')}"
    )
    raise typer.Exit(MISUSED)


# Eager, so that nobody is asked for Square's token who did not mean Square.
Provider = Annotated[
    str,
    typer.Option(callback=_by_command, is_eager=True, help="of others it says what to do"),
]

Token = Annotated[
    str,
    typer.Option(
        envvar="TILLSTREAM_SQUARE_PERSONAL_TOKEN",
        prompt="Square's personal access token",
        hide_input=True,
        help="of the application's owner, from Square's dashboard; it is not kept",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(help="else TILLSTREAM_SQUARE__NOTIFICATION_URL, or TILLSTREAM_PUBLIC_URL's"),
]


class Row(msgspec.Struct, kw_only=True):
    """A subscription without its key."""

    id: str
    enabled: bool
    ours: bool
    notification_url: str
    event_types: tuple[str, ...]


@app.command("ls")
@told
def list_subscriptions(
    *, token: Token, url: Target = None, json: Json = False, provider: Provider = "square"
) -> None:
    """List where Square sends what; "ours" is the one that leads here."""
    del provider  # the option's callback lets Square alone through
    here = _target(url)
    rows = [_row(one, here) for one in asyncio.run(_known(token))]
    if json:
        for row in rows:
            line(row)
        return
    shown = ([row.id, row.enabled, row.ours, row.notification_url] for row in rows)
    table("Subscriptions", ("id", "on", "ours", "url"), shown)


@app.command()
@told
def ensure(*, token: Token, url: Target = None, provider: Provider = "square") -> None:
    """
    Have Square send all we read; what is right already is left alone.

    A new subscription's signature key is shown as a line for the environment.
    """
    del provider  # the option's callback lets Square alone through
    here = _target(url)
    talk = square.ensure(asyncio.run(_known(token)), here, str(uuid4()))
    if talk is None:
        note("Square sends everything already")
        return
    made = square.read(asyncio.run(_asked(token, talk)))
    note(f"subscription {made.id} sends to {here}")
    if made.signature_key:
        typer.echo(f"TILLSTREAM_SQUARE__NOTIFICATION_URL={here}")
        typer.echo(f"TILLSTREAM_SQUARE__SIGNATURE_KEY={made.signature_key}")


@app.command()
@told
def remove(*, token: Token, url: Target = None, provider: Provider = "square") -> None:
    """Have Square send nothing here any more; other subscriptions stay."""
    del provider  # the option's callback lets Square alone through
    here = _target(url)
    ours = [one for one in asyncio.run(_known(token)) if one.notification_url == here]
    for one in ours:
        asyncio.run(_asked(token, square.remove(one.id)))
        note(f"subscription {one.id} is gone")
    if not ours:
        note("no subscription leads here")


def _target(url: str | None) -> str:
    settings = load()
    public = settings.public_url
    found = url or settings.square.notification_url or (public and f"{public}{WHERE}")
    if not found:
        raise SetupError("TILLSTREAM_PUBLIC_URL is empty; set it, or give --url")
    return found


def _row(one: Subscription, here: str) -> Row:
    return Row(
        id=one.id,
        enabled=one.enabled,
        ours=one.notification_url == here,
        notification_url=one.notification_url,
        event_types=one.event_types,
    )


async def _known(token: str) -> list[Subscription]:
    return square.listed(await _asked(token, square.subscriptions()))


async def _asked(token: str, talk: Conversation) -> list[Page]:
    base = url_of(load().square.base_url, Place())
    exchange = Exchange(
        base, authorization=f"Bearer {token}", headers=ACCESSES["square"].headers
    )
    async with exchange:
        try:
            async with aclosing(exchange.converse(talk)) as pages:
                return [page async for page in pages]
        except CredentialsError:
            raise SetupError("Square does not accept this token for subscriptions") from None
        except ConnectorError as error:
            raise SetupError(str(error)) from None
