"""The stage that keeps the rows people read."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.account import Account
from schemas.catalogue import PosProduct, ProductMapping, StockCount
from schemas.codec import decode, encode, unpack
from schemas.events import MappingNeeded
from schemas.rows import ProductRow, UnmappedRow
from schemas.transaction import Transaction, TransactionChange
from streams.log import Effects, Record, lane_of
from streams.operations.rebuild import MemoryState
from streams.stages.project import REBUILT, SPEC, projector
from tests.projections.builders import (
    ACCOUNT,
    MONDAY,
    TENANT,
    a_bill,
    a_change,
    a_count,
    a_line,
    a_mapping,
    a_pos_product,
    new,
)
from tests.projections.histories import chunked, strands
from tests.projections.ledger import Event
from tests.projections.oracle import final, rows_of

STEP = projector(8)
TOPIC = {
    TransactionChange: topics.TRANSACTIONS,
    StockCount: topics.STOCK_COUNTS,
    ProductMapping: topics.MAPPINGS,
    PosProduct: topics.CATALOG,
    Account: topics.ACCOUNTS,
}


def an_account(currency: str | None = "EUR") -> Account:
    return Account(
        account_id=ACCOUNT,
        tenant_id=TENANT,
        provider="square",
        merchant="M",
        location_id="L",
        location_name="Corner shop",
        timezone="UTC",
        currency=currency,
        created_at=MONDAY,
        updated_at=MONDAY,
    )


class Lane:
    """One lane: feeds chunks to the step, keeps its state and what it emitted."""

    def __init__(self) -> None:
        self.state = MemoryState()
        self.offset = 0
        self.log: dict[str, list[Record]] = {}

    def feed(self, *events: Event | Account) -> Effects:
        records = [self._record(event) for event in events]
        effects = STEP(records, self.state)
        SPEC.check(effects)
        self.state.take(effects)
        for topic, outs in effects.outputs.items():
            for out in outs:
                self._append(topic, out.key, out.value)
        return effects

    def _record(self, event: Event | Account) -> Record:
        topic = TOPIC[type(event)]
        key = event.account_id
        if topic in {topics.MAPPINGS, topics.CATALOG}:
            key = f"{event.account_id}/{event.pos_product_id}"
        return self._append(topic, key.encode(), encode(event))

    def _append(self, topic: str, key: bytes | None, value: bytes | None) -> Record:
        self.offset += 1
        record = Record(topic, 0, self.offset, 1_000 * self.offset, key, value)
        self.log.setdefault(topic, []).append(record)
        return record

    def table(self, name: str) -> dict[bytes, bytes]:
        return self.state.scan(name, b"")

    def events(self) -> list[MappingNeeded]:
        return [decode(MappingNeeded, one.value) for one in self.log[topics.MAPPING_NEEDED]]

    def transactions(self) -> dict[str, Transaction]:
        return {
            key.decode(): unpack(Transaction, row)
            for key, row in self.table("transactions").items()
        }


@settings(max_examples=50)
@given(st.data())
def test_every_table_can_be_folded_again_from_its_topic(data: st.DataObject) -> None:
    lane = Lane()
    for chunk in data.draw(strands().flatmap(chunked)):
        lane.feed(*chunk)
    for table in SPEC.tables:
        if table.fold is None:
            continue
        rows: dict[bytes, bytes] = {}
        for record in lane.log.get(table.changelog, []):
            for key, row in table.fold(record):
                rows.pop(key, None)
                if row is not None:
                    rows[key] = row
        assert rows == lane.table(table.name), table.name


@settings(max_examples=50)
@given(st.data())
def test_folding_all_sources_anew_one_after_the_other_changes_no_row(
    data: st.DataObject,
) -> None:
    lane, anew = Lane(), Lane()
    for chunk in data.draw(strands().flatmap(chunked)):
        lane.feed(*chunk)
    for topic in SPEC.sources:
        anew.state.take(STEP(lane.log.get(topic, []), anew.state))
    for table in REBUILT:
        assert anew.table(table) == lane.table(table), table


@settings(max_examples=50)
@given(st.data())
def test_the_transactions_index_holds_what_is_final_on_its_own_day(
    data: st.DataObject,
) -> None:
    lane = Lane()
    events = [event for chunk in data.draw(strands().flatmap(chunked)) for event in chunk]
    changes = [one for one in events if isinstance(one, TransactionChange)]
    for change in changes:
        lane.feed(change)
    wanted = {
        f"{tx.account_id}/{tx.business_day}/{tx.transaction_id}": tx for tx in final(changes)
    }
    assert lane.transactions() == wanted
    places = {
        key.decode(): at.decode()
        for key, at in lane.table("places").items()
        if not at.startswith(b"@")  # it proved to be none
    }
    assert places == {tx.transaction_id: at for at, tx in wanted.items()}


def test_a_chunk_read_again_after_a_crash_gives_the_same_effects() -> None:
    one, other = Lane(), Lane()
    chunk = [an_account(), *new(a_bill("1"), a_bill("2", a_line("p2")))]
    assert one.feed(*chunk) == other.feed(*chunk)


def test_a_product_sold_unmapped_is_reported_once_in_the_tenants_lane() -> None:
    lane = Lane()
    lane.feed(an_account())
    effects = lane.feed(*new(a_bill("1", a_line("p1", 300, name="Loaf", sku="S"))))
    (out,) = effects.outputs[topics.MAPPING_NEEDED]
    assert out.lane == lane_of(TENANT.encode(), 8)
    event = decode(MappingNeeded, out.value)
    assert (event.pos_provider, event.location_name) == ("square", "Corner shop")
    assert (event.unmapped_products_count, event.unmapped_revenue.minor) == (1, 300)
    (sample,) = event.new_products
    assert (sample.name, sample.sku, sample.transaction_count) == ("Loaf", "S", 1)
    again = lane.feed(*new(a_bill("2", a_line("p1"))))
    assert topics.MAPPING_NEEDED not in again.outputs


def test_one_report_a_chunk_names_the_new_products_and_counts_all() -> None:
    lane = Lane()
    lane.feed(an_account(), *new(a_bill("1", a_line("p1", 100))))
    lane.feed(*new(a_bill("2", a_line("p2", 500), a_line("p3", 200)), a_bill("3")))
    event = lane.events()[-1]
    assert [one.pos_product_id for one in event.new_products] == ["p2", "p3"]
    assert [one.pos_product_id for one in event.sample_unmapped_products] == ["p2", "p1", "p3"]
    assert (event.unmapped_products_count, event.unmapped_revenue.minor) == (3, 900)


def test_mapped_products_are_not_reported() -> None:
    lane = Lane()
    effects = lane.feed(a_mapping("p1", "mine"), *new(a_bill("1", a_line("p1"))))
    assert topics.MAPPING_NEEDED not in effects.outputs


def test_a_product_that_is_unmapped_again_is_reported_again() -> None:
    lane = Lane()
    lane.feed(a_mapping("p1", "mine"), *new(a_bill("1", a_line("p1"))))
    effects = lane.feed(a_mapping("p1", None))
    assert len(effects.outputs[topics.MAPPING_NEEDED]) == 1


def test_a_suggestion_is_shown_with_the_revenue_it_would_move() -> None:
    lane = Lane()
    lane.feed(*new(a_bill("1", a_line("p1", 250))))
    lane.feed(a_mapping("p1", None, suggested="mine"))
    (row,) = lane.table("unmapped").values()
    unmapped = unpack(UnmappedRow, row)
    assert (unmapped.suggested_product_id, unmapped.net) == ("mine", 250)


def test_remapping_writes_the_products_own_rows_and_no_other() -> None:
    lane = Lane()
    days = [MONDAY + timedelta(days=n) for n in range(3)]
    lane.feed(
        *new(
            *(
                a_bill(str(n), a_line("p1"), a_line("p2"), when=day)
                for n, day in enumerate(days)
            )
        )
    )
    effects = lane.feed(a_mapping("p1", "mine"))
    written = {topic: [out.key for out in outs] for topic, outs in effects.outputs.items()}
    assert written == {
        topics.SALES: [b"a1/%s/p1" % day.date().isoformat().encode() for day in days],
        topics.UNMAPPED_REVENUE: [b"a1/p1"],
        topics.INVENTORY: [b"a1/p1"],
    }
    assert not lane.feed(a_mapping("p1", "mine")).outputs


def test_a_change_that_means_the_same_writes_no_row() -> None:
    lane = Lane()
    bill = a_bill("1")
    lane.feed(*new(bill))
    effects = lane.feed(a_change(bill, msgspec.structs.replace(bill, register="2"), 2))
    assert not effects.outputs
    assert lane.transactions()[f"a1/{bill.business_day}/{bill.transaction_id}"].register == "2"


def test_a_bill_in_another_currency_than_the_account_is_in_no_sum_but_can_be_seen() -> None:
    lane = Lane()
    euros, dollars = a_bill("1"), a_bill("1", currency="USD")
    lane.feed(an_account(), *new(euros))
    effects = lane.feed(a_change(euros, dollars, 2))
    assert [one.error_type for one in effects.rejected] == ["wrong-currency"]
    assert not lane.table("sales_days")
    assert [tx.currency for tx in lane.transactions().values()] == ["USD"]
    lane.feed(a_change(dollars, euros, 3))
    assert len(lane.table("sales_days")) == 1


def test_an_unreadable_record_is_rejected_and_the_others_count() -> None:
    lane = Lane()
    records = [
        Record(topic, 0, offset, 0, b"a1/p1", b"?") for offset, topic in enumerate(SPEC.sources)
    ]
    good = Record(topics.TRANSACTIONS, 0, 9, 0, None, encode(new(a_bill("1"))[0]))
    effects = STEP([*records, good], lane.state)
    assert {one.error_type for one in effects.rejected} == {"undecodable"}
    assert len(effects.rejected) == len(SPEC.sources)
    assert len(effects.rows["sales_days"]) == 1


def test_the_oracle_agrees_with_an_example_worked_out_by_hand() -> None:
    bill = a_bill("1", a_line("p1", 300, "2"), tip=50)
    back = a_bill("2", a_line("p1", -150, "-1"), when=MONDAY + timedelta(days=1))
    rows = rows_of([bill, back], counts=[a_count("10", MONDAY)])
    assert rows["sales"]["a1/2026-03-02/p1"].net == 300
    assert rows["sales"]["a1/2026-03-03/p1"].refunds == -150
    assert rows["sales_days"]["a1/2026-03-02"].total == 350
    assert str(rows["inventory"]["a1/p1"].on_hand) == "9"
    unmapped = rows["unmapped"]["a1/p1"]
    assert (unmapped.net, unmapped.first_day, unmapped.last_day) == (
        150,
        date(2026, 3, 2),
        date(2026, 3, 3),
    )


def test_the_catalogue_names_what_was_counted_and_never_sold() -> None:
    lane = Lane()
    lane.feed(a_count("3", MONDAY, "p9"))
    effects = lane.feed(a_pos_product("p9", "Brioche"))
    assert [out.key for out in effects.outputs[topics.INVENTORY]] == [b"a1/p9"]


def test_bills_without_names_give_the_same_rows_before_and_after_the_catalogue() -> None:
    sold = new(
        a_bill("1", a_line("p9", name="")),
        a_bill("2", a_line("p9", name=""), when=MONDAY + timedelta(days=1)),
    )
    named = a_pos_product("p9", "Brioche")
    first, last = Lane(), Lane()
    for event in (named, *sold):
        first.feed(event)
    for event in (*sold, named):
        last.feed(event)
    for table in ("sales", "unmapped", "inventory"):
        assert first.table(table) == last.table(table)
        assert {unpack(ProductRow, row).name for row in last.table(table).values()} == {
            "Brioche"
        }


def test_a_product_is_reported_again_when_the_catalogue_says_what_it_is_called() -> None:
    lane = Lane()
    lane.feed(*new(a_bill("1", a_line("p9", name=""), a_line("p1", name="Loaf"))))
    assert [one.name for one in lane.events()[-1].new_products] == ["Loaf", "p9"]
    lane.feed(a_pos_product("p9", "Brioche"), a_pos_product("p1", "Rye loaf"))
    assert [one.name for one in lane.events()[-1].new_products] == ["Brioche"]
    again = lane.feed(a_pos_product("p9", "Brioche"))
    assert not again.outputs
