"""Runs chunks through all folds, with the state in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from projections.catalogue import VIEWS, fold_all
from projections.facts import gather
from projections.keys import product_row
from schemas.catalogue import PosProduct, ProductMapping, StockCount
from schemas.codec import pack, unpack
from schemas.transaction import TransactionChange
from tests.projections.oracle import Rows

Event = TransactionChange | StockCount | ProductMapping | PosProduct


class Ledger:
    """State of the folds, and what each chunk emitted."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.emitted: list[tuple[str, str]] = []

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        rows = self.tables.get(table, {})
        return [rows.get(key) for key in keys]

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        rows = self.tables.get(table, {})
        return {key: rows[key] for key in sorted(rows) if key.startswith(prefix)}

    def feed(self, *events: Event) -> Ledger:
        """Fold one chunk."""
        mappings = {
            (one.account_id, one.pos_product_id): one
            for one in events
            if isinstance(one, ProductMapping)
        }
        catalogue = {
            (one.account_id, one.pos_product_id): one
            for one in events
            if isinstance(one, PosProduct)
        }
        facts = gather(
            [one for one in events if isinstance(one, TransactionChange)],
            [one for one in events if isinstance(one, StockCount)],
            mappings,
            catalogue,
        )
        books = fold_all(facts, self)
        self.emitted = []
        for table, (key, _, packed) in books.written():
            self._write(table, key, packed)
            if table in {view.table for view in VIEWS}:
                self.emitted.append((table, key.decode()))
        self._learn("mappings", mappings)
        self._learn("catalog", catalogue)
        return self

    def _learn(
        self, table: str, rows: Mapping[tuple[str, str], ProductMapping | PosProduct]
    ) -> None:
        for product, row in rows.items():
            self._write(table, product_row(*product), pack(row))

    def _write(self, table: str, key: bytes, packed: bytes | None) -> None:
        rows = self.tables.setdefault(table, {})
        if packed is None:
            rows.pop(key, None)
        else:
            rows[key] = packed

    def rows(self) -> Rows:
        """Return every row by table and key."""
        return {
            view.table: {
                key.decode(): unpack(view.row, data)
                for key, data in self.tables.get(view.table, {}).items()
            }
            for view in VIEWS
        }


def ledger(*chunks: Iterable[Event]) -> Ledger:
    """Return what these chunks make, one after the other."""
    made = Ledger()
    for chunk in chunks:
        made.feed(*chunk)
    return made
