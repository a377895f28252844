"""A tenant's products and its unmapped POS products meet."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from schemas import topics
from schemas.catalogue import MappingAction, MappingRequest, Product
from schemas.codec import decode, encode
from schemas.events import MappingNeeded, UnmappedSample
from schemas.money import Money
from streams.log import Record, lane_of
from streams.operations.rebuild import MemoryState
from streams.stages.match import SPEC, matcher

NOW = datetime(2026, 3, 2, tzinfo=UTC)
STEP = matcher(
    SimpleNamespace(
        lanes=8, auto_mapping=True, auto_mapping_threshold=0.80, suggestion_threshold=0.60
    )
)


class Lane:
    """One tenant's lane: feeds records to the step and keeps what it asked for."""

    def __init__(self) -> None:
        self.state = MemoryState()
        self.offset = 0

    def feed(self, *records: tuple[str, str, bytes | None]) -> list[MappingRequest]:
        chunk = []
        for topic, key, value in records:
            self.offset += 1
            chunk.append(Record(topic, 3, self.offset, 1_000, key.encode(), value))
        effects = STEP(chunk, self.state)
        SPEC.check(effects)
        self.state.take(effects)
        self.rejected = effects.rejected
        outs = effects.outputs.get(topics.MAPPING_REQUESTS, [])
        assert all(out.lane == lane_of(out.key, 8) for out in outs)
        return [decode(MappingRequest, out.value) for out in outs]


def product(
    product_id: str, name: str, sku: str | None = None, tenant: str = "t"
) -> tuple[str, str, bytes]:
    row = Product(tenant_id=tenant, product_id=product_id, name=name, sku=sku, updated_at=NOW)
    return (topics.PRODUCTS, f"{tenant}/{product_id}", encode(row))


def needed(
    *products: tuple[str, str, str | None], account: str = "a", tenant: str = "t"
) -> tuple[str, str, bytes]:
    event = MappingNeeded(
        event_id="e",
        tenant_id=tenant,
        pos_account_id=account,
        pos_provider="square",
        location_name="L",
        unmapped_products_count=1,
        unmapped_revenue=Money(1, "EUR"),
        sample_unmapped_products=(),
        new_products=tuple(
            UnmappedSample(pos_product_id=pos, name=name, sku=sku)
            for pos, name, sku in products
        ),
        timestamp=NOW,
    )
    return (topics.MAPPING_NEEDED, tenant, encode(event))


def short(requests: list[MappingRequest]) -> list[tuple[str, str, str | None, str]]:
    return [(r.pos_product_id, r.action.value, r.product_id, r.type.value) for r in requests]


def test_a_needed_product_is_matched_when_it_is_reported() -> None:
    lane = Lane()
    assert lane.feed(product("1", "Rye Bread"), product("2", "Bun", "B1")) == []
    asked = lane.feed(needed(("p", "Rye bread", None), ("q", "Roll", "b1"), ("r", "Tea", None)))
    assert short(asked) == [("p", "map", "1", "auto"), ("q", "map", "2", "sku")]
    assert {r.requested_by for r in asked} == {"match"}


def test_a_needed_product_is_matched_again_when_products_come_later() -> None:
    lane = Lane()
    assert lane.feed(needed(("p", "Rye Bread", None))) == []
    assert short(lane.feed(product("1", "Rye Bread Large"))) == [("p", "suggest", "1", "auto")]
    assert short(lane.feed(product("2", "Rye Bread"))) == [("p", "map", "2", "auto")]


def test_a_sku_that_comes_later_is_tried_for_what_a_name_had_decided() -> None:
    lane = Lane()
    assert short(lane.feed(product("1", "Rye"), needed(("p", "Rye", "R1")))) == [
        ("p", "map", "1", "auto")
    ]
    assert short(lane.feed(product("2", "Other", "r1"))) == [("p", "map", "2", "sku")]


def test_the_same_verdict_is_not_asked_for_again_unless_somebody_reports_anew() -> None:
    lane = Lane()
    lane.feed(product("1", "Rye"), needed(("p", "Rye", None)))
    assert lane.feed(product("1", "Rye")) == []
    assert lane.feed(product("2", "Espresso")) == []
    assert short(lane.feed(needed(("p", "Rye", None)))) == [("p", "map", "1", "auto")]


def test_a_second_product_of_the_same_sku_is_left_to_a_person() -> None:
    lane = Lane()
    lane.feed(product("1", "Rye", "R1"), product("2", "Bun", "R1"))
    (asked,) = lane.feed(needed(("p", "Rye", "R1")))
    assert (asked.action, asked.product_id) == (MappingAction.SUGGEST, "1")


def test_a_deleted_product_is_no_longer_chosen() -> None:
    lane = Lane()
    lane.feed(product("1", "Rye"), product("2", "Rye Bread"), needed(("p", "Rye", None)))
    lane.feed((topics.PRODUCTS, "t/1", None))
    assert lane.feed(needed(("q", "Rye", None))) == []


def test_tenants_do_not_see_each_others_products() -> None:
    lane = Lane()
    lane.feed(product("1", "Rye", tenant="t"), product("9", "Rye", tenant="tt"))
    asked = lane.feed(needed(("p", "Rye", None), tenant="u"), needed(("p", "Rye", None)))
    assert short(asked) == [("p", "map", "1", "auto")]


def test_accounts_of_one_tenant_are_asked_for_in_their_own_lanes() -> None:
    lane = Lane()
    lane.feed(product("1", "Rye"))
    asked = lane.feed(
        needed(("p", "Rye", None), account="a"), needed(("p", "Rye", None), account="b")
    )
    assert [one.account_id for one in asked] == ["a", "b"]


def test_the_same_report_in_the_same_place_makes_the_same_request() -> None:
    one, other = Lane(), Lane()
    records = (product("1", "Rye"), needed(("p", "Rye", None)))
    assert one.feed(*records) == other.feed(*records)


def test_an_unreadable_record_is_rejected_and_the_others_are_matched() -> None:
    lane = Lane()
    asked = lane.feed(
        (topics.PRODUCTS, "t/0", b"?"), product("1", "Rye"), needed(("p", "Rye", None))
    )
    assert len(asked) == 1
    assert [one.error_type for one in lane.rejected] == ["undecodable"]


def test_an_id_in_place_of_a_name_is_matched_by_its_sku_or_not_at_all() -> None:
    lane = Lane()
    lane.feed(product("1", "bun"), product("2", "Rye Bread", "R1"))
    assert lane.feed(needed(("bun", "bun", None))) == []
    assert short(lane.feed(needed(("x9", "x9", "R1")))) == [("x9", "map", "2", "sku")]
    assert short(lane.feed(needed(("bun", "Bun", None)))) == [("bun", "map", "1", "auto")]
