"""Square's webhooks: one subscription for all merchants, by the application owner's token."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from uuid import uuid4

import msgspec
import typer

from connectors.access import Place, url_of
from connectors.catalogue import ACCESSES
from connectors.contract import ConnectorError, Conversation, CredentialsError, Page
from connectors.exchange import Exchange
from connectors.square import subscriptions as square
from connectors.square.subscriptions import Subscription
from streams.cli.console import line, note, table
from streams.errors import SetupError
from streams.settings import load

WHERE = "/api/v1/pos/webhooks/square"


class Row(msgspec.Struct, kw_only=True):
    """A subscription without its key."""

    id: str
    enabled: bool
    ours: bool
    notification_url: str
    event_types: tuple[str, ...]


def show(token: str, url: str | None, *, json: bool) -> None:
    """List where Square sends what."""
    here = _target(url)
    rows = [_row(one, here) for one in asyncio.run(_known(token))]
    if json:
        for row in rows:
            line(row)
        return
    shown = ([row.id, row.enabled, row.ours, row.notification_url] for row in rows)
    table("Subscriptions", ("id", "on", "ours", "url"), shown)


def ensure(token: str, url: str | None, *, json: bool) -> None:
    """Have Square send all we read; a new signature key is shown for the environment."""
    here = _target(url)
    talk = square.ensure(asyncio.run(_known(token)), here, str(uuid4()))
    if talk is None:
        note("Square sends everything already")
        return
    made = square.read(asyncio.run(_asked(token, talk)))
    if json:
        line({"id": made.id, "notification_url": here, "signature_key": made.signature_key})
        return
    note(f"subscription {made.id} sends to {here}")
    if made.signature_key:
        typer.echo(f"TILLSTREAM_SQUARE__NOTIFICATION_URL={here}")
        typer.echo(f"TILLSTREAM_SQUARE__SIGNATURE_KEY={made.signature_key}")


def remove(token: str, url: str | None, *, json: bool) -> None:
    """Have Square send nothing here any more."""
    here = _target(url)
    ours = [one for one in asyncio.run(_known(token)) if one.notification_url == here]
    for one in ours:
        asyncio.run(_asked(token, square.remove(one.id)))
        if json:
            line({"removed": one.id})
        else:
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
