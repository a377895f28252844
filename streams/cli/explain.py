"""`tillstream explain`: what Tillstream makes of raw payloads, without any log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, assert_never

import msgspec
import typer

from connectors.catalogue import CONNECTORS
from connectors.contract import (
    Connector,
    Ignored,
    NeedsFetch,
    Outcome,
    Parts,
    Rejected,
    Shop,
)
from schemas.businessday import BusinessCalendar, UnknownZoneError, zone_named
from schemas.part import Part
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction
from streams.cli.console import AlwaysJson, line
from streams.stages.bundle import Bundle

_NOBODY = "explain"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_TEXT = (msgspec.DecodeError, UnicodeDecodeError)


class PartSeen(msgspec.Struct, frozen=True):
    """A part as it is shown."""

    transaction: str
    part_id: str
    version: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One line of output: what a file means."""

    file: str
    verdict: str
    reason: str
    parts: tuple[PartSeen, ...] = ()
    products: int = 0
    versions: int = 0
    stock_counts: int = 0
    orders: int = 0
    fetches: tuple[str, ...] = ()


def explain(
    provider: Annotated[str, typer.Argument(help="square, …")],
    files: Annotated[list[Path], typer.Argument(help="raw bodies, or captures")],
    *,
    together: Annotated[
        bool, typer.Option(help="assemble the parts of all files; a line per transaction")
    ] = False,
    timezone: Annotated[str, typer.Option(help="the location's IANA zone")] = "UTC",
    cut_off: Annotated[
        int, typer.Option(min=0, max=23, help="hour at which the business day ends")
    ] = 0,
    currency: Annotated[
        str | None, typer.Option(help="where the provider does not say it (ISO 4217)")
    ] = None,
    location: Annotated[
        str, typer.Option(help="the location's id at the provider; empty takes every one")
    ] = "",
    as_json: AlwaysJson = False,
) -> None:
    """Say what Tillstream makes of raw payloads, one JSON line per file; needs no log."""
    del as_json  # there is no other form
    connector = _connector(provider)
    shop = _shop(timezone, cut_off, currency, location)
    bundles: dict[str, Bundle] = {}
    for path in files:
        outcome = connector.read(_raw(provider, path), shop)
        line(_explanation(str(path), outcome))
        if isinstance(outcome, Parts):
            _collect(bundles, outcome.parts)
    if together:
        for transaction in assembled(connector, bundles, shop):
            line({"transaction": transaction})


def assembled(
    connector: Connector, bundles: dict[str, Bundle], shop: Shop
) -> Iterator[Transaction]:
    """Yield the transactions that the newest parts make, in the order of their keys."""
    for key in sorted(bundles):
        for transaction in connector.assemble(key, bundles[key].parts, shop):
            yield msgspec.structs.replace(transaction, revision=1)


def _collect(bundles: dict[str, Bundle], parts: Iterable[Part]) -> None:
    for part in parts:
        bundles.setdefault(part.transaction, Bundle()).take((part,))


def _connector(provider: str) -> Connector:
    found = CONNECTORS.get(provider)
    if found is None:
        msg = f"no connector reads {provider!r}; there are: {', '.join(sorted(CONNECTORS))}"
        raise typer.BadParameter(msg)
    return found


def _shop(timezone: str, cut_off: int, currency: str | None, location: str) -> Shop:
    try:
        zone_named(timezone)
    except UnknownZoneError as error:
        raise typer.BadParameter(str(error)) from error
    return Shop(
        tenant_id=_NOBODY,
        account_id=_NOBODY,
        location_id=location,
        calendar=BusinessCalendar(timezone, cut_off),
        currency=currency,
    )


def _raw(provider: str, path: Path) -> RawEvent:
    """Read a file; a capture is a JSON object with `body` and `headers` or `url`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise typer.BadParameter(msg) from error
    headers, body = _capture(content)
    return RawEvent(
        raw_id=_NOBODY,
        tenant_id=_NOBODY,
        account_id=_NOBODY,
        provider=provider,
        channel=Channel.PUSH,
        resource="",
        received_at=_EPOCH,
        body=body,
        headers=headers,
    )


class _Capture(msgspec.Struct):
    body: msgspec.Raw
    headers: dict[str, str] | None = None
    url: str | None = None


def _capture(content: bytes) -> tuple[dict[str, str], bytes]:
    try:
        capture = msgspec.json.decode(content, type=_Capture)
    except (*_NOT_TEXT, RecursionError):
        return {}, content
    if capture.headers is None and capture.url is None:
        return {}, content
    headers = {name.lower(): value for name, value in (capture.headers or {}).items()}
    raw = bytes(capture.body)
    if raw[:1] != b'"':
        return headers, raw
    try:
        return headers, msgspec.json.decode(raw, type=str).encode()
    except _NOT_TEXT:
        return headers, raw


def _explanation(file: str, outcome: Outcome) -> Explanation:
    match outcome:
        case Parts(parts=parts, products=products, counts=counts, wanted=wanted):
            seen = tuple(PartSeen(p.transaction, p.part_id, p.version) for p in parts)
            return Explanation(
                file=file,
                verdict="accepted",
                reason="the authorisation was withdrawn" if outcome.revoked else "",
                parts=seen,
                products=len(products),
                versions=len(outcome.history),
                stock_counts=len(counts),
                orders=len(outcome.orders),
                fetches=tuple(want.resource for want in wanted),
            )
        case NeedsFetch(wanted=wanted, reason=reason):
            fetches = tuple(want.resource for want in wanted)
            return Explanation(file=file, verdict="needs-fetch", reason=reason, fetches=fetches)
        case Ignored(reason=reason):
            return Explanation(file=file, verdict="ignored", reason=reason)
        case Rejected(error_type=error_type, reason=reason):
            return Explanation(file=file, verdict="rejected", reason=f"{error_type}: {reason}")
        case _:
            assert_never(outcome)
