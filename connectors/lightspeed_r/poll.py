"""
Ask the R-Series for what changed: the only way there is.

Paths are below `https://api.lightspeedapp.com/API/V3/Account/{accountID}`, which the account's
credentials know. Lists are sorted by `timeStamp`, a hundred rows at most, and name the next
page by its whole URL; only its query is taken from there, so that no answer can send us
elsewhere. Each request costs 1 of a leaky bucket (90, and 10 for each further register; one
drips each second), each relation a fraction more.

Source: developers.lightspeedhq.com/retail/introduction/pagination, .../ratelimits,
.../endpoints/Sale, .../Item, .../ItemShop, .../Order, .../OrderLine
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
ORDER_RELATIONS = '["OrderLines","Vendor","CustomFieldValues","CustomFieldValues.value"]'
ITEM_RELATIONS = '["ItemShops","Category"]'
ORDER_SCOPE = "employee:purchase_orders"

_OK, _FORBIDDEN, _NOT_FOUND = 200, 403, 404


class _Attributes(msgspec.Struct):
    next: str = ""


class _Answer(msgspec.Struct, rename="pascal"):
    attributes: _Attributes = msgspec.field(name="@attributes", default_factory=_Attributes)
    sale: msgspec.Raw = ABSENT
    item: msgspec.Raw = ABSENT
    item_shop: msgspec.Raw = ABSENT
    order: msgspec.Raw = ABSENT
    order_line: msgspec.Raw = ABSENT


class _Changed(msgspec.Struct):
    order_id: str = msgspec.field(name="orderID", default="")


_answer = msgspec.json.Decoder(_Answer)
_changed_row = msgspec.json.Decoder(_Changed)
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
    yield from _orders(since, shop)


def day_of(shop: Shop, day: date) -> Conversation:
    """Ask for the sales that were completed on a business day; refunds are such sales, too."""
    begin, end = (
        f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"
        for moment in (shop.calendar.begins(day), shop.calendar.ends(day))
    )
    asked: Query = (("completeTime", f"><,{begin},{end}"), *_here(shop))
    yield from _changed("Sale", asked, SALE_RELATIONS)


def snapshot(shop: Shop) -> Conversation:
    """Ask for all items, each with what the shops have of it, and all unfinished orders."""
    yield from _changed("Item", (), ITEM_RELATIONS)
    asked: Query = (("complete", "false"), *_here(shop))
    unfinished = yield from _rows_of("Order", asked, ORDER_RELATIONS)
    if unfinished:
        yield Page(resource="order", bodies=unfinished)


def one_sale(sale_id: str) -> Conversation:
    """Ask for one sale with all that belongs to it."""
    path = f"/Sale/{sale_id}.json"
    talk = yield from ask(_request(path, (("load_relations", SALE_RELATIONS),)))
    bodies, _ = ((), "") if talk is None else _read(path, "Sale", talk)
    yield Page(resource="sale", bodies=bodies)


def one_order(order_id: str) -> Conversation:
    """Ask for one purchase order with its lines; who may not see orders gets none."""
    path = f"/Order/{order_id}.json"
    talk = yield from ask(_request(path, (("load_relations", ORDER_RELATIONS),), ORDER_SCOPE))
    bodies, _ = ((), "") if talk is None else _read(path, "Order", talk)
    yield Page(resource="order", bodies=bodies)


def _orders(since: datetime, shop: Shop) -> Chat:
    """
    Ask for the purchase orders that changed, or lines of which did.

    A new line leaves the time of its order as it was. An authorisation without the scope of
    purchase orders may not ask: then there are none.
    """
    changed = yield from _rows_of("Order", _since(since, shop), ORDER_RELATIONS)
    if changed is None:
        return
    yield Page(resource="order", bodies=changed)
    lines = yield from _rows_of("OrderLine", _since(since))
    told = {_order_of(row) for row in changed}
    for order_id in dict.fromkeys(_order_of(row) for row in lines or ()):
        if order_id not in told and order_id.isascii() and order_id.isdigit():
            yield from one_order(order_id)


def _order_of(row: bytes) -> str:
    try:
        return _changed_row.decode(row).order_id
    except msgspec.MsgspecError as error:
        raise PermanentError("/Order.json: a row cannot be read") from error


def _rows_of(
    kind: str, query: Query, relations: str = ""
) -> Generator[Request, Response | None, tuple[bytes, ...] | None]:
    """Read a list to its end; None where it may not be seen."""
    path, found = f"/{kind}.json", list[bytes]()
    asked = _listing(query, relations)
    for _ in range(MAX_PAGES):
        talk = yield from ask(_request(path, asked, ORDER_SCOPE))
        if talk is None:
            return None
        bodies, after = _read(path, kind, talk)
        found += bodies
        if not after:
            return tuple(found)
        asked = tuple(parse_qsl(urlsplit(after).query))
    raise PermanentError(f"{path}: the list does not end")


def one_item(item_id: str) -> Conversation:
    """Ask for one item and its stock."""
    path = f"/Item/{item_id}.json"
    talk = yield from ask(_request(path, (("load_relations", ITEM_RELATIONS),)))
    bodies, _ = ((), "") if talk is None else _read(path, "Item", talk)
    yield Page(resource="item", bodies=bodies)


def _since(since: datetime, shop: Shop | None = None) -> Query:
    at = (since - MARGIN).astimezone(UTC)
    changed = ("timeStamp", f">,{at:%Y-%m-%dT%H:%M:%S}+00:00")
    return (changed, *_here(shop))


def _here(shop: Shop | None) -> Query:
    return (("shopID", shop.location_id),) if shop is not None and shop.location_id else ()


def _changed(kind: str, query: Query, relations: str = "") -> Chat:
    """Read a list to its end and yield its pages, oldest change first."""
    path = f"/{kind}.json"
    asked = _listing(query, relations)
    for _ in range(MAX_PAGES):
        talk = yield from ask(_request(path, asked))
        bodies, after = ((), "") if talk is None else _read(path, kind, talk)
        yield Page(resource=kind.lower(), bodies=bodies)
        if not after:
            return
        asked = tuple(parse_qsl(urlsplit(after).query))
    raise PermanentError(f"{path}: the list does not end")


def _listing(query: Query, relations: str) -> Query:
    asked = (("sort", "timeStamp"), ("limit", str(PAGE_SIZE)), *query)
    return (*asked, ("load_relations", relations)) if relations else asked


def _request(path: str, query: Query, forgone: str = "") -> Request:
    return Request(method="GET", path=path, query=query, budget=BUDGET, forgone=forgone)


def ask(request: Request) -> Generator[Request, Response | None, Response | None]:
    """
    Put one question; None for what Lightspeed does not know, or keeps to itself where we may
    do without.

    Raises:
        PermanentError: it refused.
    """
    answer = yield request
    if answer is not None and answer.status == _OK:
        return answer
    if answer is not None and answer.status == _NOT_FOUND:
        return None
    if answer is not None and request.forgone and answer.status == _FORBIDDEN:
        return None
    said = "nothing" if answer is None else str(answer.status)
    raise PermanentError(f"{request.path}: Lightspeed answered {said}")


def _read(path: str, kind: str, talk: Response) -> tuple[tuple[bytes, ...], str]:
    """Return the rows of an answer, each a body, and where the next page is."""
    try:
        answer = _answer.decode(talk.body)
        rows = {
            "Sale": answer.sale,
            "Item": answer.item,
            "ItemShop": answer.item_shop,
            "Order": answer.order,
            "OrderLine": answer.order_line,
        }[kind]
        if bytes(rows).lstrip()[:1] == b"[":
            return tuple(map(bytes, _many.decode(rows))), answer.attributes.next
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error
    return (bytes(rows),) if rows else (), answer.attributes.next
