"""
Ask the R-Series for what changed: the only way there is.

Paths are below `https://api.lightspeedapp.com/API/V3/Account/{accountID}`, which the account's
credentials know. Lists are sorted by `timeStamp`, a hundred rows at most, and name the next
page by its whole URL; only its query is taken from there, so that no answer can send us
elsewhere. Each request costs 1 of a leaky bucket (90, and 10 for each further register; one
drips each second), each relation a fraction more.

Source: developers.lightspeedhq.com/retail/introduction/pagination, .../ratelimits,
.../endpoints/Sale, .../Item, .../ItemShop
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
)
from connectors.lightspeed_r.wire import ABSENT

Chat = Generator[Request | Page, Response | None, None]
Query = tuple[tuple[str, str], ...]

BUDGET = "bucket"
PAGE_SIZE = 100
MAX_PAGES = 10_000
"""A million rows in one window is no shop but a list that does not end."""

# Times are whole seconds, and the operator excludes the one it names.
MARGIN = timedelta(seconds=1)

SALE_RELATIONS = (
    '["SaleLines","SaleLines.Item","SaleLines.Discount","SaleLines.Note",'
    '"SalePayments","SalePayments.PaymentType","TaxCategory"]'
)
ITEM_RELATIONS = '["ItemShops","Category"]'

_OK, _NOT_FOUND = 200, 404


class _Attributes(msgspec.Struct):
    next: str = ""


class _Answer(msgspec.Struct, rename="pascal"):
    attributes: _Attributes = msgspec.field(name="@attributes", default_factory=_Attributes)
    sale: msgspec.Raw = ABSENT
    item: msgspec.Raw = ABSENT
    item_shop: msgspec.Raw = ABSENT


_answer = msgspec.json.Decoder(_Answer)
_many = msgspec.json.Decoder(list[msgspec.Raw])


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for all sales, items and stock that changed since a time; later changes come along.

    Items come first, so that sales find their names.
    """
    del until
    yield from _changed("Item", _since(since), ITEM_RELATIONS)
    yield from _changed("ItemShop", _since(since, shop))
    yield from _changed("Sale", _since(since, shop), SALE_RELATIONS)


def day_of(shop: Shop, day: date) -> Conversation:
    """Ask for the sales that were completed on a business day; refunds are such sales, too."""
    begin, end = (
        f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"
        for moment in (shop.calendar.begins(day), shop.calendar.ends(day))
    )
    asked: Query = (("completeTime", f"><,{begin},{end}"),)
    if shop.location_id:
        asked = (*asked, ("shopID", shop.location_id))
    yield from _changed("Sale", asked, SALE_RELATIONS)


def snapshot(shop: Shop) -> Conversation:
    """Ask for all items; each brings what the shops have of it."""
    del shop
    yield from _changed("Item", (), ITEM_RELATIONS)


def one_sale(sale_id: str) -> Conversation:
    """Ask for one sale with all that belongs to it."""
    path = f"/Sale/{sale_id}.json"
    talk = yield from ask(_request(path, (("load_relations", SALE_RELATIONS),)))
    bodies, _ = ((), "") if talk is None else _read(path, "Sale", talk)
    yield Page(resource="sale", bodies=bodies)


def one_item(item_id: str) -> Conversation:
    """Ask for one item and its stock."""
    path = f"/Item/{item_id}.json"
    talk = yield from ask(_request(path, (("load_relations", ITEM_RELATIONS),)))
    bodies, _ = ((), "") if talk is None else _read(path, "Item", talk)
    yield Page(resource="item", bodies=bodies)


def _since(since: datetime, shop: Shop | None = None) -> Query:
    at = (since - MARGIN).astimezone(UTC)
    changed = ("timeStamp", f">,{at:%Y-%m-%dT%H:%M:%S}+00:00")
    if shop is None or not shop.location_id:
        return (changed,)
    return (changed, ("shopID", shop.location_id))


def _changed(kind: str, query: Query, relations: str = "") -> Chat:
    """Read a list to its end and yield its pages, oldest change first."""
    path = f"/{kind}.json"
    asked = (("sort", "timeStamp"), ("limit", str(PAGE_SIZE)), *query)
    if relations:
        asked = (*asked, ("load_relations", relations))
    for _ in range(MAX_PAGES):
        talk = yield from ask(_request(path, asked))
        bodies, after = ((), "") if talk is None else _read(path, kind, talk)
        yield Page(resource=kind.lower(), bodies=bodies)
        if not after:
            return
        asked = tuple(parse_qsl(urlsplit(after).query))
    raise PermanentError(f"{path}: the list does not end")


def _request(path: str, query: Query) -> Request:
    return Request(method="GET", path=path, query=query, budget=BUDGET)


def ask(request: Request) -> Generator[Request, Response | None, Response | None]:
    """
    Put one question; None for what Lightspeed does not know.

    Raises:
        PermanentError: it refused.
    """
    answer = yield request
    if answer is not None and answer.status == _OK:
        return answer
    if answer is not None and answer.status == _NOT_FOUND:
        return None
    said = "nothing" if answer is None else str(answer.status)
    raise PermanentError(f"{request.path}: Lightspeed answered {said}")


def _read(path: str, kind: str, talk: Response) -> tuple[tuple[bytes, ...], str]:
    """Return the rows of an answer, each a body, and where the next page is."""
    try:
        answer = _answer.decode(talk.body)
        rows = {"Sale": answer.sale, "Item": answer.item, "ItemShop": answer.item_shop}[kind]
        if bytes(rows).lstrip()[:1] == b"[":
            return tuple(map(bytes, _many.decode(rows))), answer.attributes.next
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error
    return (bytes(rows),) if rows else (), answer.attributes.next
