"""Ask Square for one thing that a webhook only pointed at."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
)
from connectors.square.api import Instant, ask, segment
from connectors.square.poll import catalog_since


class Answer(msgspec.Struct):
    """Any single thing that Square answers, left as exact bytes."""

    order: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payment: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    refund: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    counts: list[msgspec.Raw] = []


_answer = msgspec.json.Decoder(Answer)

_SINGLE = {"orders": "order", "payments": "payment", "refunds": "refund"}
_CHANGED_SINCE = "catalog/changed-since/"


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what Square does not know is a page without bodies.

    Args:
        resource: "orders/<id>", "payments/<id>", "refunds/<id>", "inventory/<variation>" or
            "catalog/changed-since/<RFC 3339 time>".

    Raises:
        PermanentError: nothing of that name can be asked for, or Square refused.

    Source: reference/square (retrieve-order, get-payment, get-payment-refund,
    retrieve-inventory-count, search-catalog-objects)
    """
    kind, _, name = resource.partition("/")
    if resource.startswith(_CHANGED_SINCE):
        yield from catalog_since(_instant(resource.removeprefix(_CHANGED_SINCE)))
    elif kind in _SINGLE and name:
        yield from _one(kind, name)
    elif kind == "inventory" and name:
        yield from _stock(shop, name)
    else:
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")


def _one(kind: str, name: str) -> Generator[Request | Page, Response | None, None]:
    path = f"/v2/{kind}/{segment(name)}"
    talk = yield from ask(Request(method="GET", path=path, budget=kind))
    found: tuple[bytes, ...] = ()
    if not talk.missing:
        body = getattr(_read(path, talk.body), _SINGLE[kind])
        found = () if body is msgspec.UNSET else (bytes(body),)
    yield Page(resource=_SINGLE[kind], bodies=found)


def _stock(shop: Shop, variation: str) -> Generator[Request | Page, Response | None, None]:
    path = f"/v2/inventory/{segment(variation)}"
    talk = yield from ask(
        Request(
            method="GET",
            path=path,
            query=(("location_ids", shop.location_id),),
            budget="inventory",
        )
    )
    counts = [] if talk.missing else _read(path, talk.body).counts
    yield Page(resource="inventory_count", bodies=tuple(bytes(one) for one in counts))


def _read(path: str, body: bytes) -> Answer:
    try:
        return _answer.decode(body)
    except msgspec.DecodeError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error


def _instant(text: str) -> datetime:
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError as error:
        raise PermanentError("the time of a catalogue change cannot be read") from error
