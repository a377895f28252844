from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
    TransientError,
)
from connectors.square.poll import (
    STALE_CURSORS,
    TooManyLocationsError,
    Window,
    order_search,
    poll,
    snapshot,
)
from connectors.square.simulator import Faults, SquareSimulator
from schemas.businessday import BusinessCalendar
from tests.connectors.simulated import carried_out
from tests.connectors.square.simulated import NOW, a_square, by_resource, pages, shop_of

EVERYTHING = timedelta(days=40)
SHOP = Shop(tenant_id="t", account_id="a", location_id="L", calendar=BusinessCalendar())
KINDS = {
    "order": "order",
    "payment": "payment",
    "refund": "refund",
    "catalog_object": "item",
    "inventory_change": "change",
}
BAD_DAY = Faults(rate_limited=100, server_errors=100, stale_cursors=120)


def brought(square: SquareSimulator, place: int, *edges: datetime) -> dict[str, set[bytes]]:
    """Poll one bakery over adjoining windows, and return all that came, by resource."""
    bakery = square.config.shops[place]
    found: dict[str, set[bytes]] = {}
    for since, until in itertools.pairwise(edges):
        talk = poll(shop_of(bakery), since, until)
        for resource, bodies in items_only(by_resource(pages(square, bakery, talk))).items():
            found.setdefault(resource, set()).update(bodies)
    return found


def items_only(found: Mapping[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Leave deleted variations out: the simulator keeps no record of them apart."""
    return {
        resource: [body for body in bodies if not body.startswith(b'{"type":"ITEM_VARIATION"')]
        for resource, bodies in found.items()
    }


def known(square: SquareSimulator, place: int, kind: str) -> set[bytes]:
    bakery = square.config.shops[place]
    bodies = square.bodies(kind, bakery.location_id)
    if kind == "item":
        mine = f'"currency":"{bakery.currency}"'.encode()
        return {body for body in bodies.values() if mine in body}
    return set(bodies.values())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("place", [0, 1])
def test_a_poll_brings_everything_exactly_whatever_goes_wrong(seed: int, place: int) -> None:
    square = a_square(seed=seed, faults=BAD_DAY)
    found = brought(square, place, NOW - EVERYTHING, NOW + timedelta(seconds=1))
    for resource, kind in KINDS.items():
        assert found.get(resource, set()) == known(square, place, kind), resource
    assert found["inventory_count"]


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, 6 * 86_400_000), min_size=1, max_size=6, unique=True),
    st.integers(0, 3),
)
def test_slices_of_history_leave_no_gap_and_do_not_overlap(cuts: list[int], seed: int) -> None:
    square = a_square(seed=seed, live_orders=0)
    middles = sorted(NOW - timedelta(milliseconds=cut) for cut in cuts)
    edges = [NOW - EVERYTHING, *middles, NOW + timedelta(seconds=1)]
    bakery = square.config.shops[0]
    slices = [
        items_only(by_resource(pages(square, bakery, poll(shop_of(bakery), since, until))))
        for since, until in itertools.pairwise(edges)
    ]
    for resource, kind in KINDS.items():
        bodies = [body for one in slices for body in one.get(resource, [])]
        assert len(bodies) == len(set(bodies)), resource
        assert set(bodies) == known(square, 0, kind), resource


def test_a_window_takes_its_beginning_and_leaves_its_end() -> None:
    square = a_square(live_orders=0)
    times = sorted(changed_at(body) for body in known(square, 0, "order"))
    since, until = times[3], times[9]
    found = brought(square, 0, since, until)["order"]
    assert {changed_at(body) for body in found} == set(times[3:9])


def changed_at(body: bytes) -> datetime:
    return msgspec.convert(msgspec.json.decode(body)["updated_at"], datetime)


def test_a_late_offline_order_is_found_by_when_square_learnt_of_it() -> None:
    square = a_square(days=12, live_orders=0)
    late = [
        body
        for body in known(square, 0, "order")
        if changed_at(body)
        > msgspec.convert(msgspec.json.decode(body)["closed_at"], datetime)
        + timedelta(hours=24)
        if b"closed_at" in body and b"APPROVED" not in body
    ]
    assert late
    for body in late:
        at = changed_at(body)
        assert body in brought(square, 0, at, at + timedelta(milliseconds=1))["order"]


def test_a_snapshot_brings_every_product_for_sale_and_all_stock() -> None:
    square = a_square(faults=BAD_DAY)
    bakery = square.config.shops[0]
    found = by_resource(pages(square, bakery, snapshot(shop_of(bakery))))
    for_sale = {body for body in known(square, 0, "item") if b'"is_deleted":true' not in body}
    assert set(found["catalog_object"]) == for_sale
    stock = square.totals().stock[bakery.location_id]
    assert {c["catalog_object_id"]: c["quantity"] for c in map(decoded, found[STOCK])} == {
        name: str(on_hand) for name, on_hand in stock.items()
    }


STOCK = "inventory_count"


def decoded(body: bytes) -> dict[str, str]:
    return msgspec.json.decode(body)  # type: ignore[no-any-return]


# -- scripted answers --------------------------------------------------------------------------


class Script:
    """Answers each call by path from a list, then with nothing; keeps the calls."""

    def __init__(self, **answers: list[tuple[int, bytes]]) -> None:
        self.answers = {name: list(several) for name, several in answers.items()}
        self.calls: list[Request] = []

    def carry_out(self, talk: Conversation) -> list[Page]:
        return carried_out(talk, self._answered)

    def _answered(self, request: Request) -> Response:
        self.calls.append(request)
        waiting = self.answers.get(request.path.split("/")[2], [])
        status, body = waiting.pop(0) if waiting else (200, b"{}")
        return Response(status=status, body=body)


STALE = (400, b'{"errors":[{"code":"INVALID_CURSOR","field":"cursor"}]}')


def an_order(number: int) -> str:
    return f'{{"id":"{number}","updated_at":"2026-03-02T10:00:{number:02d}.000Z"}}'


def orders(*numbers: int, cursor: str = "") -> tuple[int, bytes]:
    told = f'{{"orders":[{",".join(map(an_order, numbers))}],"cursor":"{cursor}"}}'
    return 200, told.encode()


def a_poll() -> Conversation:
    return poll(SHOP, datetime.fromisoformat("2026-03-02T09:00Z"), NOW)


def test_bodies_are_the_exact_bytes_that_square_sent() -> None:
    odd = b'{"id" : "1",  "total_money":{"amount":1e2},"updated_at":"2026-03-02T10:00:00Z"}'
    script = Script(orders=[(200, b'{"orders":[ ' + odd + b" ]}")])
    assert by_resource(script.carry_out(a_poll()))["order"] == [odd]


def test_a_stale_cursor_goes_on_a_little_before_the_last_change_seen() -> None:
    script = Script(orders=[orders(1, 2, cursor="c"), STALE, orders(2, 3)])
    found = by_resource(script.carry_out(a_poll()))["order"]
    assert [decoded(body)["id"] for body in found] == ["1", "2", "2", "3"]
    searches = [
        msgspec.json.decode(call.body or b"") for call in script.calls if "orders" in call.path
    ]
    begins = [
        one["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"] for one in searches
    ]
    assert searches[1]["cursor"] == "c"
    assert "cursor" not in searches[2]
    assert begins[2] == "2026-03-02T10:00:00.000000Z"


def test_cursors_that_keep_going_stale_end_the_poll_for_this_time() -> None:
    script = Script(orders=[orders(1, cursor="c"), *[STALE] * (STALE_CURSORS + 1)])
    with pytest.raises(TransientError):
        script.carry_out(a_poll())


def test_a_body_that_does_not_tell_its_time_is_never_left_out() -> None:
    script = Script(orders=[(200, b'{"orders":[{"id":"1"},{"id":2,"updated_at":"soon"}]}')])
    assert len(by_resource(script.carry_out(a_poll()))["order"]) == 2


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, b'{"orders":{}}'), (400, b"no")])
def test_an_answer_that_cannot_be_read_is_a_permanent_error_that_quotes_nothing(
    answer: tuple[int, bytes],
) -> None:
    with pytest.raises(PermanentError) as caught:
        Script(orders=[answer]).carry_out(a_poll())
    assert "html" not in str(caught.value)


def test_of_variations_by_themselves_only_deleted_ones_are_kept() -> None:
    alive = b'{"type":"ITEM_VARIATION","id":"a","is_deleted":false}'
    gone = b'{"type":"ITEM_VARIATION","id":"b","is_deleted":true}'
    item = b'{"type":"ITEM","id":"c"}'
    answer = b'{"objects":[' + b",".join((alive, gone, item)) + b"]}"
    found = by_resource(Script(catalog=[(200, answer)]).carry_out(a_poll()))
    assert found["catalog_object"] == [gone, item]


def test_every_call_names_the_location_and_sorts_by_what_it_filters() -> None:
    script = Script()
    script.carry_out(a_poll())
    for call in script.calls:
        if call.method == "GET":
            query = dict(call.query)
            assert query["location_id"] == "L"
            assert query["sort_field"] == "UPDATED_AT"
            assert query["begin_time"] < query["updated_at_begin_time"]
        elif "catalog" not in call.path:
            assert msgspec.json.decode(call.body or b"")["location_ids"] == ["L"]


def test_no_search_asks_for_more_than_ten_locations() -> None:
    order_search(tuple("abcdefghij"), Window())
    with pytest.raises(TooManyLocationsError):
        order_search(tuple("abcdefghijk"), Window())
