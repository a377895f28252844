"""
Have a store of the X-Series send its webhooks to us: one for each kind of event.

There is no type for what is made or deleted: an update tells of the first, polls of the second.

Source: x-series-api.lightspeedhq.com/reference (ListWebhooks, CreateWebhook, UpdateWebhook,
DeleteWebhook; scope `webhooks`), .../docs/webhooks
"""

from __future__ import annotations

import msgspec

from connectors.access import Place, Subscribed, Target, Webhooks
from connectors.contract import Conversation, Page, PermanentError, Request, Response
from connectors.lightspeed_x.poll import BUDGET, segment

WEBHOOKS = "/api/2026-07/webhooks"
EVENTS = ("sale.update", "product.update", "inventory.update", "consignment.receive")
"""Of the kinds there are, those that are read."""

_OK, _CREATED, _NO_CONTENT, _NOT_FOUND, _CONFLICT = 200, 201, 204, 404, 409


class _Webhook(msgspec.Struct):
    id: str
    type: str = ""
    url: str = ""
    active: bool = False


class _Listed(msgspec.Struct):
    data: list[_Webhook] = []


_listed = msgspec.json.Decoder(_Listed)


def subscribe(place: Place, target: Target) -> Conversation:
    """
    Have a store send all we read to a URL; what it does already is left alone.

    One page of "webhook" for each kind that was missing or switched off. Others of the same
    store, which lead elsewhere, are not ours.

    Raises:
        PermanentError: the X-Series refuses, or answers what cannot be read.
    """
    del place  # the host's name says which store it is
    answer = yield Request(method="GET", path=WEBHOOKS, budget=BUDGET)
    ours = {one.type: one for one in _known(answer) if one.url == target.url}
    for kind in EVENTS:
        known = ours.get(kind)
        if known is not None and known.active:
            continue
        wanted = msgspec.json.encode({"type": kind, "url": target.url, "active": True})
        answer = yield Request(
            method="POST" if known is None else "PUT",
            path=WEBHOOKS if known is None else f"{WEBHOOKS}/{segment(known.id)}",
            body=wanted,
            budget=BUDGET,
        )
        if answer is None or answer.status not in {_OK, _CREATED, _CONFLICT}:
            raise _refused(answer)
        yield Page(resource="webhook", bodies=(answer.body,))


def known(place: Place, target: Target) -> Conversation:
    """
    Bring all that a store sends to anybody, as one page of "webhook".

    Raises:
        PermanentError: the X-Series refuses, or answers what cannot be read.
    """
    del place, target  # a store tells of them all
    answer = yield Request(method="GET", path=WEBHOOKS, budget=BUDGET)
    bodies = tuple(
        msgspec.json.encode(
            Subscribed(subscription_id=one.id, url=one.url, on=one.active, about=(one.type,))
        )
        for one in _known(answer)
    )
    yield Page(resource="webhook", bodies=bodies)


def remove(place: Place, target: Target) -> Conversation:
    """
    Have a store send nothing to a URL any more: one page of "webhook" for each that is gone.

    Raises:
        PermanentError: the X-Series refuses, or answers what cannot be read.
    """
    del place  # the host's name says which store it is
    answer = yield Request(method="GET", path=WEBHOOKS, budget=BUDGET)
    for one in _known(answer):
        if one.url != target.url:
            continue
        path = f"{WEBHOOKS}/{segment(one.id)}"
        answer = yield Request(method="DELETE", path=path, budget=BUDGET)
        if answer is None or answer.status not in {_OK, _NO_CONTENT, _NOT_FOUND}:
            raise _refused(answer)
        yield Page(resource="webhook", bodies=(msgspec.json.encode(one),))


SUBSCRIPTIONS = Webhooks(ensure=subscribe, known=known, remove=remove)


def _known(answer: Response | None) -> list[_Webhook]:
    if answer is None or answer.status != _OK:
        raise _refused(answer)
    try:
        return _listed.decode(answer.body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PermanentError(f"{WEBHOOKS}: the answer cannot be read") from None


def _refused(answer: Response | None) -> PermanentError:
    said = "nothing" if answer is None else answer.status
    return PermanentError(f"{WEBHOOKS}: the X-Series answered {said}")
