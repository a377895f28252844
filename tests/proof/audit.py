"""
The audit: everything that a log holds, beside oracles that share no code with the stages.

* the change log alone gives the final transactions, and must be a chain without gap or repeat;
* `tests.projections.oracle` computes every row of every view from those transactions;
* the simulator's own totals, from what it decided to sell, are the truth outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from connectors.simulation.truth import Day, Product, Totals
from projections.catalogue import VIEWS
from schemas import topics
from schemas.catalogue import PosProduct, ProductMapping, StockCount
from schemas.codec import decode, unpack
from schemas.events import SyncCompleted
from schemas.raw import Channel, RawEvent
from schemas.rows import InventoryRow, Row, SalesDayRow, SalesRow
from schemas.transaction import Transaction, TransactionChange
from streams.log import TP, EventLog, Record, is_redriven
from streams.operations.rejected import Letter, letters
from streams.worker import Worker
from tests.projections.oracle import rows_of

S = TypeVar("S", bound=msgspec.Struct)


async def records(log: EventLog, topic: str, lanes: int) -> list[Record]:
    """Return everything in a topic, lane by lane."""
    tps = [TP(topic, lane) for lane in range(lanes)]
    bounds = await log.bounds(tps)
    found: dict[TP, list[Record]] = {tp: [] for tp in tps}
    reader = await log.reader({tp: begin for tp, (begin, _) in bounds.items()})
    try:
        while any(reader.positions[tp] < end for tp, (_, end) in bounds.items()):
            for tp, chunk in (await reader.read(1.0)).items():
                found[TP(*tp)] += chunk.records
    finally:
        await reader.close()
    return [record for tp in tps for record in found[tp]]


class Audit:
    """What is in the log of a worker that has settled."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.lanes = worker.settings.lanes

    async def of(self, topic: str, cls: type[S]) -> list[S]:
        """Return the decoded records of a topic; what was redriven is where it first stood."""
        found = await records(self.worker.runtime.log, topic, self.lanes)
        return [
            decode(cls, record.value)
            for record in found
            if record.value is not None and not is_redriven(record)
        ]

    async def newest(self, topic: str, cls: type[S]) -> dict[str, S]:
        """Return the table that a compacted topic is."""
        table: dict[str, S] = {}
        for record in await records(self.worker.runtime.log, topic, self.lanes):
            assert record.key is not None
            if is_redriven(record):
                continue
            if record.value is None:
                table.pop(record.key.decode(), None)
            else:
                table[record.key.decode()] = decode(cls, record.value)
        return table

    async def letters(self) -> list[Letter]:
        """Return the dead letters that were not redriven."""
        log = self.worker.runtime.log
        return [it async for it, _ in letters(log, self.lanes) if not it.redriven]

    # -- nothing lost, nothing doubled -------------------------------------------------------

    async def transactions(self) -> dict[str, Transaction]:
        """Return the final transactions; the changes must be a chain for each of them."""
        final: dict[str, Transaction | None] = {}
        revisions: Counter[str] = Counter()
        ids: set[str] = set()
        for change in await self.of(topics.TRANSACTIONS, TransactionChange):
            name = change.transaction_id
            revisions[name] += 1
            assert change.revision == revisions[name], f"{name}: revision {change.revision}"
            assert change.before == final.get(name), f"{name}: before is not the last after"
            assert change.before != change.after, f"{name}: a change that changes nothing"
            assert change.after is None or change.after.revision == change.revision
            assert change.change_id not in ids
            ids.add(change.change_id)
            final[name] = change.after
        return {name: tx for name, tx in final.items() if tx is not None}

    async def views(self, transactions: Mapping[str, Transaction]) -> dict[str, dict[str, Row]]:
        """Compare every row with the oracle, in the public topics and in the state."""
        expected = await self.expected(transactions)
        views = self.worker.runtime.views
        for view in VIEWS:
            public = await self.newest(view.topic, view.row)
            _same(public, expected[view.table], f"topic {view.topic}")
            kept = {
                key.decode(): unpack(view.row, row)
                for lane in range(self.lanes)
                for key, row in views.scan(f"project.{view.table}", lane, b"")
            }
            _same(kept, expected[view.table], f"table {view.table}")
        return expected

    async def expected(
        self, transactions: Mapping[str, Transaction]
    ) -> dict[str, dict[str, Row]]:
        """Return all rows as the oracle computes them."""
        mappings = await self.newest(topics.MAPPINGS, ProductMapping)
        catalogue = await self.newest(topics.CATALOG, PosProduct)
        return rows_of(
            transactions.values(),
            {(it.account_id, it.pos_product_id): it for it in mappings.values()},
            await self.of(topics.STOCK_COUNTS, StockCount),
            {(it.account_id, it.pos_product_id): it for it in catalogue.values()},
        )

    async def whole(self) -> dict[str, dict[str, Row]]:
        """Do all of the above; return the rows."""
        return await self.views(await self.transactions())

    # -- what was acknowledged ---------------------------------------------------------------

    async def webhooks(self) -> set[str]:
        """Return the SHA-256 of every webhook body in `pos.raw`, unsealed."""
        return {body for _, body in await self.webhooks_kept()}

    async def webhooks_kept(self) -> Counter[tuple[str, str]]:
        """Return how often each body is in `pos.raw`, by account and SHA-256."""
        sealer, found = self.worker.sealer, Counter[tuple[str, str]]()
        for raw in await self.of(topics.RAW, RawEvent):
            if raw.channel is Channel.WEBHOOK:
                body = sealer.open(raw.body, tenant=raw.tenant_id, record=raw.raw_id)
                found[raw.account_id, sha256(body).hexdigest()] += 1
        return found

    async def sync_counts(self) -> int:
        """
        Compare what completed runs say they brought with the change log; return how many.

        A change belongs to the run that first brought its raw event. Two accounts may begin
        runs of the same id: what names a run is account and id.
        """
        run_of: dict[str, str | None] = {}
        for raw in await self.of(topics.RAW, RawEvent):
            run_of.setdefault(raw.raw_id, raw.sync_id)
        new: Counter[tuple[str, str | None]] = Counter()
        updated: Counter[tuple[str, str | None]] = Counter()
        for change in await self.of(topics.TRANSACTIONS, TransactionChange):
            name = (change.account_id, run_of[change.cause.raw_id])
            (updated if change.before else new)[name] += 1
        completed = await self.of(topics.SYNC_COMPLETED, SyncCompleted)
        names = [(it.pos_account_id, it.sync_id) for it in completed]
        assert len(set(names)) == len(names), "a run ended twice"
        for run, name in zip(completed, names, strict=True):
            assert run.transactions_new == new[name], name
            assert run.transactions_updated == updated[name], name
            assert run.transactions_processed == new[name] + updated[name]
        return len(completed)


def _same(found: Mapping[str, object], expected: Mapping[str, object], where: str) -> None:
    wrong = [
        f"{key}\n  is     {found.get(key)}\n  not    {expected.get(key)}"
        for key in sorted(found.keys() | expected.keys())
        if found.get(key) != expected.get(key)
    ]
    assert not wrong, f"{where}: {len(wrong)} rows differ, first\n" + "\n".join(wrong[:3])


# -- the simulator's own totals --------------------------------------------------------------

DAY_FIGURES = (
    *("gross", "discount", "tax", "tax_included", "net", "service_charge", "tip"),
    *("gift_cards", "total", "refunded", "transactions", "sales", "refunds", "exchanges"),
)


def assert_true(
    totals: Totals, rows: Mapping[str, Mapping[str, Any]], accounts: Mapping[str, str]
) -> int:
    """Compare days, products and stock with the simulator's; return how many figures."""
    theirs = {
        **_figures_of_days(totals, accounts),
        **{
            (accounts[place], "on hand", name): quantity
            for place, stock in totals.stock.items()
            for name, quantity in stock.items()
        },
    }
    ours: dict[tuple[str, ...], Any] = {}
    for day in rows["sales_days"].values():
        _our_day(ours, day)
    for sold in rows["sales"].values():
        _our_product(ours, sold)
    for left in rows["inventory"].values():
        assert isinstance(left, InventoryRow)
        name = (left.account_id, "on hand", left.pos_product_id)
        if left.on_hand is not None or name in theirs:
            ours[name] = left.on_hand
    _same(
        {"/".join(key): value for key, value in ours.items() if value},
        {"/".join(key): value for key, value in theirs.items() if value},
        "simulator's totals",
    )
    return len(theirs)


def _figures_of_days(totals: Totals, accounts: Mapping[str, str]) -> dict[Any, Any]:
    found: dict[tuple[str, ...], Any] = {}
    for day in totals.days:
        where = (accounts[day.location_id], day.business_day.isoformat())
        _their_day(found, where, day)
        for name, product in day.products.items():
            _their_product(found, (*where, name), product)
    return found


def _their_day(found: dict[tuple[str, ...], Any], where: tuple[str, ...], day: Day) -> None:
    for figure in DAY_FIGURES:
        found[*where, figure] = getattr(day, figure)
    for method, amount in day.tenders.items():
        found[*where, "tender", method] = amount


def _their_product(
    found: dict[tuple[str, ...], Any], where: tuple[str, ...], product: Product
) -> None:
    for figure in ("units", "gross", "discount", "tax", "net"):
        found[*where, figure] = getattr(product, figure)


def _our_day(ours: dict[tuple[str, ...], Any], row: Row) -> None:
    assert isinstance(row, SalesDayRow)
    where = (row.account_id, row.business_day.isoformat())
    for figure in DAY_FIGURES:
        ours[*where, figure] = getattr(row, figure)
    for method, amount in row.tenders.items():
        ours[*where, "tender", method] = amount


def _our_product(ours: dict[tuple[str, ...], Any], row: Row) -> None:
    assert isinstance(row, SalesRow)
    where = (row.account_id, row.business_day.isoformat(), row.pos_product_id)
    for figure in ("units", "gross", "discount", "tax", "net"):
        ours[*where, figure] = getattr(row, figure)
