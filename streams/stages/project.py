"""
The stage `project`: transaction changes, counts and mappings become the rows people read.

The folds are in `projections`; here records become facts and changed rows become effects. What
was sold and is mapped to nothing is reported once to the tenant's lane, where it is matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from projections.catalogue import VIEWS, fold_all
from projections.facts import Facts, gather
from projections.keys import day_row
from schemas import topics
from schemas.account import Account
from schemas.catalogue import PosProduct, ProductMapping, StockCount
from schemas.codec import UndecodableError, decode, encode, pack, unpack
from schemas.transaction import Transaction, TransactionChange
from streams.log import (
    DeadLetter,
    Effects,
    Out,
    Record,
    Rows,
    StageSpec,
    StateView,
    Step,
    Table,
    is_redriven,
    lane_of,
)
from streams.stages.tables import folded, row_out
from streams.stages.unmapped_report import headers_of, newly_unmapped, reports

NAME = "project"

_GONE = b"@"
"""Place of what proved to be no transaction, with the revision that said so; no row's key."""

_TOPIC_OF = {view.table: view.topic for view in VIEWS}


def fold_transactions(record: Record) -> tuple[tuple[bytes, bytes | None], ...]:
    """Return the rows of the index "transactions by account and day" for one change."""
    change = _first_told(record)
    return () if change is None else _indexed(change)


def fold_places(record: Record) -> tuple[tuple[bytes, bytes | None], ...]:
    """Return the rows of the index "where a transaction is", by its id."""
    change = _first_told(record)
    return () if change is None else _placed(change)


def _first_told(record: Record) -> TransactionChange | None:
    """Decode a change; what was redriven is read where it first stood."""
    if record.value is None or is_redriven(record):
        return None
    return decode(TransactionChange, record.value)


SPEC = StageSpec(
    name=NAME,
    sources=(
        topics.ACCOUNTS,
        topics.MAPPINGS,
        topics.CATALOG,
        topics.STOCK_COUNTS,
        topics.TRANSACTIONS,
    ),
    outputs=(*_TOPIC_OF.values(), topics.MAPPING_NEEDED),
    tables=(
        *(Table(view.table, view.topic, folded(view.row)) for view in VIEWS),
        *(Table(name, topic) for view in VIEWS for name, topic in view.working),
        Table("accounts", topics.ACCOUNTS, folded(Account), catch_up=True),
        Table("mappings", topics.MAPPINGS, folded(ProductMapping)),
        Table("catalog", topics.CATALOG, folded(PosProduct)),
        Table("transactions", topics.TRANSACTIONS, fold_transactions),
        Table("places", topics.TRANSACTIONS, fold_places),
    ),
    rejected=topics.REJECTED,
)

REBUILT = (*_TOPIC_OF, *(name for view in VIEWS for name, _ in view.working))
"""Tables that `tillstream rebuild` compares and writes."""


class _Chunk:
    """The records of one chunk, decoded and sorted by what they tell."""

    def __init__(self, state: StateView) -> None:
        self.effects = Effects()
        self._state = state
        self._accounts: dict[str, Account | None] = {}
        self._changes: list[tuple[Record, TransactionChange]] = []
        self._counts: list[StockCount] = []
        self._mappings: dict[tuple[str, str], ProductMapping | None] = {}
        self._catalogue: dict[tuple[str, str], PosProduct] = {}

    def read(self, record: Record) -> None:
        """
        Take one record in.

        Raises:
            UndecodableError: the bytes are not what the topic promises.
        """
        match record.topic:
            case topics.TRANSACTIONS:
                if record.value is not None:
                    change = decode(TransactionChange, record.value)
                    self._changes.append((record, change))
            case topics.STOCK_COUNTS:
                if record.value is not None:
                    self._counts.append(decode(StockCount, record.value))
            case topics.MAPPINGS:
                self._read_mapping(record)
            case topics.CATALOG:
                if record.key is not None and record.value is not None:
                    product = decode(PosProduct, record.value)
                    self._keep("catalog", record.key, pack(product))
                    self._catalogue[product.account_id, product.pos_product_id] = product
            case topics.ACCOUNTS:
                if record.key is not None:
                    self._read_account(record.key, record.value)
            case _:
                self.effects.rejected.append(
                    DeadLetter(record, "unexpected-topic", "project does not read this topic")
                )

    def _read_mapping(self, record: Record) -> None:
        if record.key is None:
            return
        mapping = None if record.value is None else decode(ProductMapping, record.value)
        account, _, product = record.key.decode().partition("/")
        self._keep("mappings", record.key, None if mapping is None else pack(mapping))
        self._mappings[account, product] = mapping

    def _read_account(self, key: bytes, value: bytes | None) -> None:
        account = None if value is None else decode(Account, value)
        self._keep("accounts", key, None if account is None else pack(account))
        self._accounts[key.decode()] = account

    def _keep(self, table: str, key: bytes, row: bytes | None) -> None:
        self.effects.rows.setdefault(table, {})[key] = row

    def facts(self) -> Facts:
        """Add up what the records tell; index the transactions."""
        self.accounts_of(change.account_id for _, change in self._changes)
        believed = []
        transactions: Rows = {}
        places: Rows = {}
        for record, change in self._sequel():
            transactions.update(_indexed(change))
            places.update(_placed(change))
            believed.append(self._believed(record, change))
        if believed:
            self.effects.rows["transactions"] = transactions
            self.effects.rows["places"] = places
        return gather(believed, self._counts, self._mappings, self._catalogue)

    def _sequel(self) -> Iterator[tuple[Record, TransactionChange]]:
        """
        Yield the changes as they follow from what is in the sums.

        A change that failed here leaves a gap: the next one must take back what was added, not
        what it says, and the failed one is no news any more when it is redriven after that.
        """
        known = self._known(
            change.transaction_id.encode()
            for record, change in self._changes
            if change.revision > 1 or is_redriven(record)
        )
        for record, change in self._changes:
            revision, before = known.get(change.transaction_id, (change.revision - 1, None))
            if change.revision == revision and is_redriven(record):
                # Refused for its currency: in the index, and so far in no sum.
                yield record, replace(change, before=None)
            if change.revision <= revision:
                continue
            known[change.transaction_id] = (change.revision, change.after)
            follows = change.revision == revision + 1
            yield record, change if follows else replace(change, before=before)

    def _known(self, names: Iterable[bytes]) -> dict[str, tuple[int, Transaction | None]]:
        """Return revision and transaction in the index; revision 0 where there is none."""
        asked = list(dict.fromkeys(names))
        places = dict(zip(asked, self._state.get("places", asked), strict=True))
        there = [at for at in places.values() if at is not None and not _is_gone(at)]
        rows = dict(zip(there, self._state.get("transactions", there), strict=True))
        known: dict[str, tuple[int, Transaction | None]] = {}
        for name, at in places.items():
            row = None if at is None else rows.get(at)
            tx = None if row is None else unpack(Transaction, row)
            gone = 0 if at is None or not _is_gone(at) else int(at.removeprefix(_GONE))
            known[name.decode()] = (gone if tx is None else tx.revision, tx)
        return known

    def accounts_of(self, ids: Iterable[str]) -> dict[str, Account | None]:
        """Return the accounts, as far as they are known."""
        missing = [one for one in dict.fromkeys(ids) if one not in self._accounts]
        rows = self._state.get("accounts", [one.encode() for one in missing])
        for one, row in zip(missing, rows, strict=True):
            self._accounts[one] = None if row is None else unpack(Account, row)
        return self._accounts

    def _believed(self, record: Record, change: TransactionChange) -> TransactionChange:
        """Leave out what is in another currency than the account: it can be in no sum."""
        account = self._accounts.get(change.account_id)
        currency = None if account is None else account.currency
        before, after = _of(change.before, currency), _of(change.after, currency)
        if before is change.before and after is change.after:
            return change
        if after is not change.after:
            self.effects.rejected.append(
                DeadLetter(record, "wrong-currency", f"the account is kept in {currency}")
            )
        return replace(change, before=before, after=after)


def _of(tx: Transaction | None, currency: str | None) -> Transaction | None:
    return None if tx is None or currency not in {None, tx.currency} else tx


def _indexed(change: TransactionChange) -> tuple[tuple[bytes, bytes | None], ...]:
    at = None if change.after is None else _place(change.after)
    was = None if change.before is None else _place(change.before)
    gone = ((was, None),) if was is not None and was != at else ()
    if change.after is None or at is None:
        return gone
    return (*gone, (at, pack(change.after)))


def _placed(change: TransactionChange) -> tuple[tuple[bytes, bytes | None], ...]:
    gone = b"%s%d" % (_GONE, change.revision)
    at = gone if change.after is None else _place(change.after)
    return ((change.transaction_id.encode(), at),)


def _is_gone(place: bytes) -> bool:
    return place.startswith(_GONE)


def _place(tx: Transaction) -> bytes:
    return b"%s/%s" % (day_row(tx.account_id, tx.business_day), tx.transaction_id.encode())


def projector(lanes: int) -> Step:
    """Return the step; `lanes` is how many there are, to find a tenant's."""

    def project(records: Sequence[Record], state: StateView) -> Effects:
        chunk = _Chunk(state)
        for record in records:
            try:
                chunk.read(record)
            except UndecodableError as error:
                chunk.effects.rejected.append(DeadLetter(record, "undecodable", str(error)))
        books = fold_all(chunk.facts(), state)
        effects = chunk.effects
        for table, (key, row, packed) in books.written():
            effects.rows.setdefault(table, {})[key] = packed
            if table in _TOPIC_OF:
                effects.outputs.setdefault(_TOPIC_OF[table], []).append(row_out(key, row))
        fresh = newly_unmapped(books)
        if fresh:
            accounts = chunk.accounts_of(row.account_id for row in fresh)
            effects.outputs[topics.MAPPING_NEEDED] = [
                Out(event.tenant_id.encode(), encode(event), headers_of(event), lane)
                for event in reports(fresh, books, state, accounts, records[-1])
                for lane in (lane_of(event.tenant_id.encode(), lanes),)
            ]
        return effects

    return project
