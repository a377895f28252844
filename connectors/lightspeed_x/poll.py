"""
Ask the X-Series for what changed: by version, because it knows no filter by time of change.

Lists ascend by version; `after` leaves out what is not newer. The version where a time begins
is looked for (`place`); versions count the changes of all resources together, so that of the
sales is good for products, stock and consignments, too. A list ends with a page without rows.

Source: x-series-api.lightspeedhq.com/docs/pagination, .../docs/rate_limiting (300 calls for
each register and 50 more, in five minutes), .../reference (ListSales, ListProducts,
ListInventory, GetConsignments, ListProductsByConsignmentID)
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import date, datetime
from urllib.parse import quote

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
)
from connectors.lightspeed_x.place import Search, Seen

Query = tuple[tuple[str, str], ...]
Chat = Generator[Request | Page, Response | None, None]

API = "/api/2.0"
BUDGET = "retailer"
PAGE_SIZE = 200
MAX_PAGES = 10_000
"""Two million rows in one window is no shop but a list that does not end."""

PROBE_SIZE = 50

ORDERS = {"SUPPLIER", "OUTLET", "RETURN"}
"""Types of consignments that are orders or transfers."""

UNFINISHED = ("OPEN", "SENT", "DISPATCHED")

CONSIGNMENTS, SUPPLIERS = "consignments:read", "suppliers:read"
"""Scopes of what we may do without."""

_OK, _FORBIDDEN, _NOT_FOUND = 200, 403, 404


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw] | None = None


class _Single(msgspec.Struct):
    data: msgspec.Raw


class _Consigned(msgspec.Struct):
    id: str
    type: str = ""
    outlet_id: str | None = None
    source_outlet_id: str | None = None
    supplier_id: str | None = None

    @property
    def ends(self) -> tuple[str | None, str | None]:
        return self.outlet_id, self.source_outlet_id


_consigned_row = msgspec.json.Decoder(_Consigned)
_answer = msgspec.json.Decoder(_Answer)
_single = msgspec.json.Decoder(_Single)
_seen = msgspec.json.Decoder(Seen)


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """Ask for all products, stock and sales that changed since a time, later ones too."""
    del until
    begin = yield from _version_at("/sales", since)
    yield from _changed("product", "/products", begin)
    yield from _changed("inventory", "/inventory", begin, shop)
    yield from _changed("sale", "/sales", begin, shop)
    yield from _consignments(begin, shop)


def day_of(shop: Shop, day: date) -> Conversation:
    """
    Ask for the sales of a business day, with all that changed since it began.

    There is no filter by the day of a sale, and none changes before it is made.
    """
    begin = yield from _version_at("/sales", shop.calendar.begins(day))
    yield from _changed("sale", "/sales", begin, shop)


def snapshot(shop: Shop) -> Conversation:
    """Ask for all products, all stock and what is ordered and has not come in."""
    yield from _changed("product", "/products", 0)
    yield from _changed("inventory", "/inventory", 0, shop)
    for status in UNFINISHED:
        yield from _consignments(0, shop, (("status", status),))


def one_consignment(consignment_id: str) -> Conversation:
    """Ask for one consignment with its products; who may not see them gets none."""
    found = yield from _single_of(f"/consignments/{segment(consignment_id)}", CONSIGNMENTS)
    bodies: tuple[bytes, ...] = ()
    if found is not None:
        bodies = ((yield from _whole(found, {})),)
    yield Page(resource="consignment", bodies=bodies)


def _consignments(after: int, shop: Shop, which: Query = ()) -> Chat:
    """
    Ask for the consignments from or to an outlet that changed, each with its products.

    An authorisation without the scope of consignments may not ask: then
    there are none. Stocktakes are left out: stock says what was counted.
    """
    suppliers: dict[str, bytes] = {}
    for _ in range(MAX_PAGES):
        rows = yield from _rows("/consignments", after, PAGE_SIZE, which, forgone=CONSIGNMENTS)
        if not rows:
            return
        for row in rows:
            told = _consigned(row)
            if told.type in ORDERS and shop.location_id in {"", *told.ends}:
                body = yield from _whole(row, suppliers)
                yield Page(resource="consignment", bodies=(body,))
        newest = max(_read("/consignments", row).number for row in rows)
        if newest <= after:
            return
        after = newest
    raise PermanentError("/consignments: the list does not end")


def _whole(
    row: bytes, suppliers: dict[str, bytes]
) -> Generator[Request, Response | None, bytes]:
    """Put a consignment, its products and its supplier into one body, each as it came."""
    told = _consigned(row)
    path, after, products = f"/consignments/{segment(told.id)}/products", 0, list[bytes]()
    for _ in range(MAX_PAGES):
        rows = yield from _rows(path, after, PAGE_SIZE, forgone=CONSIGNMENTS)
        newest = max((_read(path, one).number for one in rows), default=after)
        products += rows
        if newest <= after:
            break
        after = newest
    supplier = told.supplier_id or ""
    if supplier and supplier not in suppliers:
        found = yield from _single_of(f"/suppliers/{segment(supplier)}", SUPPLIERS)
        suppliers[supplier] = found or b"null"
    return b'{"consignment":%b,"products":[%b],"supplier":%b}' % (
        row,
        b",".join(products),
        suppliers.get(supplier, b"null"),
    )


def _consigned(row: bytes) -> _Consigned:
    try:
        return _consigned_row.decode(row)
    except msgspec.MsgspecError as error:
        raise PermanentError("/consignments: a row cannot be read") from error


def _single_of(
    path: str, forgone: str = ""
) -> Generator[Request, Response | None, bytes | None]:
    """Ask for one object; None for what Lightspeed does not know, or may keep to itself."""
    talk = yield from _ask(
        Request(method="GET", path=API + path, budget=BUDGET, forgone=forgone)
    )
    if talk is None:
        return None
    try:
        return bytes(_single.decode(talk.body).data)
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error


def one(resource: str, path: str) -> Conversation:
    """Ask for one object; what Lightspeed does not know is a page without bodies."""
    found = yield from _single_of(path)
    yield Page(resource=resource, bodies=() if found is None else (found,))


def changed(resource: str, path: str) -> Conversation:
    """Ask for a whole list, as pages of its objects."""
    yield from _changed(resource, path, 0)


def segment(name: str) -> str:
    """Quote an id that came from outside, so that it can only be one piece of a path."""
    return quote(name, safe="")


def _version_at(path: str, since: datetime) -> Generator[Request, Response | None, int]:
    """Return a version such that every change at or after a time has a greater one."""
    search = Search(since, PROBE_SIZE)
    while not search.is_done:
        after = search.next()
        rows = yield from _rows(path, after, PROBE_SIZE)
        search.take(after, [_read(path, row) for row in rows])
    return search.found


def _changed(resource: str, path: str, after: int, shop: Shop | None = None) -> Chat:
    """Read a list to its end and yield its pages; rows of other outlets are left out."""
    for _ in range(MAX_PAGES):
        rows = yield from _rows(path, after, PAGE_SIZE)
        if not rows:
            return
        seen = [_read(path, row) for row in rows]
        yield Page(
            resource=resource,
            bodies=tuple(
                [row for row, told in zip(rows, seen, strict=True) if _here(told, shop)]
            ),
        )
        newest = max(told.number for told in seen)
        if newest <= after:
            return
        after = newest
    raise PermanentError(f"{path}: the list does not end")


def _here(seen: Seen, shop: Shop | None) -> bool:
    place = shop.location_id if shop is not None else ""
    return not place or seen.outlet_id in {None, place}


def _rows(
    path: str, after: int, size: int, which: Query = (), *, forgone: str = ""
) -> Generator[Request, Response | None, list[bytes]]:
    query = (("after", str(after)), ("page_size", str(size)), *which)
    asked = Request(method="GET", path=API + path, query=query, budget=BUDGET, forgone=forgone)
    talk = yield from _ask(asked)
    if talk is None:
        return []
    try:
        return [bytes(row) for row in _answer.decode(talk.body).data or ()]
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error


def _read(path: str, row: bytes) -> Seen:
    try:
        return _seen.decode(row)
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: a row cannot be read") from error


def _ask(request: Request) -> Generator[Request, Response | None, Response | None]:
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
