"""One chunk of raw events on its way through `normalise`: loaded, learnt and emitted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from connectors.contract import (
    Connector,
    Ignored,
    NeedsFetch,
    Outcome,
    Parts,
    Rejected,
)
from schemas import topics
from schemas.account import Account, AccountStatus
from schemas.catalogue import ProductMapping, StockCount
from schemas.codec import encode, pack, unpack
from schemas.events import ErrorType, PosError
from schemas.identity import derived_id
from schemas.raw import Channel
from schemas.sealing import Sealer
from schemas.sync import SyncControl
from schemas.transaction import Transaction, TransactionChange, product_key
from streams.cloudevents import cloud_event
from streams.log import DeadLetter, Effects, Out, Rows, StateView
from streams.shop import shop_of
from streams.stages.bundle import Bundle, stamped
from streams.stages.catalog_book import CatalogBook
from streams.stages.controls import Control, control_of
from streams.stages.day_checks import DayBook
from streams.stages.hearing import HearingBook, tells_of_sales
from streams.stages.order_book import OrderBook
from streams.stages.personal import Personal
from streams.stages.reading import Reading, row_key
from streams.stages.runs import RunBook
from streams.stages.tables import row_out
from streams.stages.troubles import error_of
from streams.stages.wanted import Wanted


class NormaliseChunk:
    """
    The work of one chunk.

    Transactions are assembled once a chunk and key, after all its parts are in, but before a
    control record of a sync run, so that the run's counts are true.
    """

    def __init__(
        self, connectors: Mapping[str, Connector], sealer: Sealer, state: StateView
    ) -> None:
        self._connectors = connectors
        self._personal = Personal(sealer)
        self._state = state
        self._out = Effects()
        self._accounts: dict[str, Account | None] = {}
        self._learnt: dict[str, Rows] = {"accounts": {}, "mappings": {}}
        self._bundles: dict[bytes, Bundle] = {}
        self._touched: dict[bytes, Reading] = {}
        self._written: set[bytes] = set()
        self._wanted = Wanted()
        self._counted: dict[bytes, bytes | None] = {}
        self._runs = RunBook(state)
        self._days = DayBook(state)
        self._hearing = HearingBook(state)
        self._catalog = CatalogBook(state, self._runs, self._personal)
        self._orders = OrderBook(state)

    # -- what the other sources say ----------------------------------------------------------

    def learn(self, table: str, rows: Rows) -> None:
        """Take over rows of a table whose changelog is one of our sources."""
        self._learnt[table].update(rows)

    def account(self, account_id: str) -> Account | None:
        """Return the account, None where there is none."""
        if account_id not in self._accounts:
            key = account_id.encode()
            learnt = self._learnt["accounts"]
            row = learnt[key] if key in learnt else self._state.get("accounts", [key])[0]
            self._accounts[account_id] = None if row is None else unpack(Account, row)
        return self._accounts[account_id]

    def reject(self, letter: DeadLetter) -> None:
        """Put a record where a person will see it."""
        self._out.rejected.append(letter)

    # -- raw events --------------------------------------------------------------------------

    def work_through(self, readings: Sequence[Reading]) -> None:
        """Apply the readings in order."""
        outcomes = [self._read(reading) for reading in readings]
        self._load(readings, outcomes)
        for reading, outcome in zip(readings, outcomes, strict=True):
            if isinstance(outcome, Control):
                self._flush()
                self._control(reading, outcome)
                continue
            if reading.raw.channel is Channel.WEBHOOK and tells_of_sales(outcome):
                self._hear(reading)
            self._apply(reading, outcome)
        self._flush()
        for fetch in self._wanted.fetches(self._bundles):
            self._emit(topics.FETCHES, Out(fetch.account_id.encode(), encode(fetch)))

    def _hear(self, reading: Reading) -> None:
        if (good_news := self._hearing.heard(reading)) is not None:
            self._error(good_news)

    def _read(self, reading: Reading) -> Outcome | Control:
        raw = reading.raw
        if raw.channel is Channel.CONTROL:
            return control_of(raw, reading.body)
        connector = self._connectors.get(raw.provider)
        if connector is None:
            return Rejected("unknown-provider", "no connector reads this provider")
        return connector.read(replace(raw, body=reading.body), shop_of(reading.account))

    def _load(self, readings: Sequence[Reading], outcomes: Sequence[Outcome | Control]) -> None:
        """Get every row the chunk will look at with one look-up a table."""
        bundles: dict[bytes, None] = {}
        products: dict[bytes, None] = {}
        counted: dict[bytes, None] = {}
        for reading, outcome in zip(readings, outcomes, strict=True):
            account = reading.account.account_id
            if isinstance(outcome, Parts):
                bundles.update(
                    (row_key(account, part.transaction), None) for part in outcome.parts
                )
                products.update(
                    (row_key(account, p.pos_product_id), None) for p in outcome.products
                )
                counted.update((_count_key(count), None) for count in outcome.counts)
            if isinstance(outcome, Parts | NeedsFetch):
                bundles.update(
                    (row_key(account, want.transaction), None)
                    for want in outcome.wanted
                    if want.transaction
                )
        for key, row in _rows(self._state, "parts", bundles):
            self._bundles[key] = Bundle() if row is None else unpack(Bundle, row)
        self._catalog.load(products)
        told = [outcome for outcome in outcomes if isinstance(outcome, Parts)]
        self._orders.load(order for outcome in told for order in outcome.orders)
        self._counted = dict(_rows(self._state, "parts", counted))
        self._runs.load(readings)
        self._hearing.load(readings)

    def _apply(self, reading: Reading, outcome: Outcome) -> None:
        match outcome:
            case Parts():
                self._take(reading, outcome)
                self._wanted.add(reading, outcome.wanted)
            case NeedsFetch(wanted=wanted):
                self._wanted.add(reading, wanted)
            case Ignored():
                pass
            case Rejected(error_type=error_type, reason=reason):
                self._runs.count(reading, rejected=1)
                self.reject(DeadLetter(reading.record, error_type, reason))
            case _:
                assert_never(outcome)

    def _take(self, reading: Reading, outcome: Parts) -> None:
        account = reading.account.account_id
        again = reading.raw.channel is Channel.CONTROL
        newer = 0
        for part in outcome.parts:
            key = row_key(account, part.transaction)
            if self._bundles[key].take((part,), again=again) or again:
                newer += 1
                self._touched[key] = reading
        if outcome.parts and not newer:
            self._runs.count(reading, duplicates=1)
        refused = self._catalog.take(reading, outcome)
        if refused is not None:
            self._runs.count(reading, rejected=1)
            self.reject(DeadLetter(reading.record, refused.error_type, refused.reason))
        self._orders.take(outcome.orders)
        for count in outcome.counts:
            self._count(count)
        if outcome.revoked:
            self._revoke(reading)

    def _count(self, count: StockCount) -> None:
        key = _count_key(count)
        if self._counted.get(key) is None:
            self._counted[key] = b""
            self._out.rows.setdefault("parts", {})[key] = b""
            self._emit(topics.STOCK_COUNTS, Out(count.account_id.encode(), encode(count)))

    def _revoke(self, reading: Reading) -> None:
        """Mark the account, unless it was reconnected since (a replay, a late delivery)."""
        account, raw = reading.account, reading.raw
        if (
            account.status is not AccountStatus.CONNECTED
            or raw.received_at < account.updated_at
        ):
            return
        revoked = replace(account, status=AccountStatus.REVOKED, updated_at=raw.received_at)
        self._emit(topics.ACCOUNTS, row_out(account.account_id.encode(), revoked))
        self._error(
            error_of(
                account,
                ErrorType.AUTHORIZATION_REVOKED,
                event_id=derived_id("revoked", raw.raw_id),
                message="the merchant withdrew the authorisation at the provider",
                failures=1,
                action="reconnect the account",
                at=raw.received_at,
            )
        )

    # -- transactions ------------------------------------------------------------------------

    def _flush(self) -> None:
        """Assemble what was touched and emit the differences."""
        touched, self._touched = self._touched, {}
        made = []
        for key, reading in touched.items():
            connector = self._connectors[reading.raw.provider]
            transaction = key.decode().partition("/")[2]
            shop = shop_of(reading.account)
            made.append(
                connector.assemble(transaction, self._bundles[key].parts, shop),
            )
        products = self._products(touched.values(), made)
        for (key, reading), transactions in zip(touched.items(), made, strict=True):
            mapped = products.get(reading.account.account_id, {})
            final = [
                stamped(tx, mapped, self._personal.customer(reading, tx.customer))
                for tx in transactions
            ]
            for change in self._bundles[key].become(final, reading.cause):
                self._changed(reading, change)
        self._written.update(touched)

    def _products(
        self, readings: Iterable[Reading], made: Sequence[tuple[Transaction, ...]]
    ) -> dict[str, dict[str, str]]:
        """Look up what is mapped of the lines: account -> product key -> product id."""
        keys: dict[bytes, tuple[str, str]] = {}
        for reading, transactions in zip(readings, made, strict=True):
            account = reading.account.account_id
            for tx in transactions:
                for line in tx.lines:
                    name = product_key(line)
                    keys[row_key(account, name)] = (account, name)
        found: dict[str, dict[str, str]] = {}
        learnt = self._learnt["mappings"]
        for key, row in _rows(self._state, "mappings", keys):
            newest = learnt.get(key, row)
            product = None if newest is None else unpack(ProductMapping, newest).product_id
            if product is not None:
                account, name = keys[key]
                found.setdefault(account, {})[name] = product
        return found

    def _changed(self, reading: Reading, change: TransactionChange) -> None:
        if change.before is None:
            self._runs.count(reading, new=1)
        else:
            self._runs.count(reading, updated=1)
        headers = cloud_event(
            change.change_id,
            "pos.transaction.changed",
            f"/accounts/{change.account_id}",
            reading.raw.received_at,
        )
        self._emit(
            topics.TRANSACTIONS, Out(change.transaction_id.encode(), encode(change), headers)
        )

    # -- sync runs and events ----------------------------------------------------------------

    def _control(self, reading: Reading, control: Control) -> None:
        account = reading.account
        for event in (
            self._runs.control(reading, control)
            if isinstance(control, SyncControl)
            else self._days.control(reading, control)
        ):
            if isinstance(event, PosError):
                self._error(event)
            else:
                headers = cloud_event(
                    event.event_id,
                    event.event_type,
                    f"/accounts/{event.pos_account_id}",
                    event.timestamp,
                )
                key = event.pos_account_id.encode()
                self._emit(topics.SYNC_COMPLETED, Out(key, encode(event), headers))
                run = self._runs.run_of(reading)
                if run and (trouble := self._hearing.looked(account, run, event.timestamp)):
                    self._error(trouble)

    def _error(self, event: PosError) -> None:
        headers = cloud_event(
            event.event_id,
            event.event_type,
            f"/accounts/{event.pos_account_id}",
            event.timestamp,
        )
        self._emit(topics.ERRORS, Out(event.pos_account_id.encode(), encode(event), headers))

    # -- the end -----------------------------------------------------------------------------

    def _emit(self, topic: str, out: Out) -> None:
        self._out.outputs.setdefault(topic, []).append(out)

    def effects(self) -> Effects:
        """Return all that the chunk wants to be true."""
        parts = self._out.rows.setdefault("parts", {})
        for key in self._written:
            parts[key] = pack(self._bundles[key])
        for table, rows in self._learnt.items():
            if rows:
                self._out.rows[table] = rows
        self._put("catalog", topics.CATALOG, self._catalog.products())
        self._put("versions", topics.CATALOG_VERSIONS, self._catalog.product_versions())
        self._put("records", topics.RECORDS, self._catalog.records())
        self._put("record_versions", topics.RECORD_VERSIONS, self._catalog.record_versions())
        self._put("orders", topics.PURCHASE_ORDERS, self._orders.rows())
        self._put("syncs", topics.SYNCS, self._runs.rows())
        self._put("reconciliations", topics.RECONCILIATIONS, self._days.rows())
        self._put("webhooks", topics.WEBHOOK_HEALTH, self._hearing.rows())
        return self._out

    def _put(self, table: str, topic: str, said: tuple[Rows, list[Out]]) -> None:
        rows, outs = said
        if rows:
            self._out.rows[table] = rows
            self._out.outputs.setdefault(topic, []).extend(outs)


def _count_key(count: StockCount) -> bytes:
    return f"{count.account_id}/count:{count.count_id}".encode()


def _rows(
    state: StateView, table: str, keys: Mapping[bytes, object]
) -> Iterable[tuple[bytes, bytes | None]]:
    wanted = list(keys)
    return zip(wanted, state.get(table, wanted) if wanted else (), strict=True)
