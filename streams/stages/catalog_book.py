"""The products that a chunk speaks of: what the catalogue says of them now, and did before."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.contract import Parts, ProductSet, Rejected
from schemas.catalogue import PosProduct
from schemas.codec import pack, unpack
from schemas.history import Noticed
from streams.log import Out, Rows, StateView
from streams.stages.product_history import ProductHistory, Telling
from streams.stages.product_set import differences
from streams.stages.reading import Reading, row_key
from streams.stages.runs import RunBook
from streams.stages.tables import row_out


class CatalogBook:
    """Rows of the catalogue, changed as the chunk is worked through."""

    def __init__(self, state: StateView, runs: RunBook) -> None:
        self._state = state
        self._runs = runs
        self._history = ProductHistory(state)
        self._known: dict[bytes, PosProduct | None] = {}
        self._rows: Rows = {}
        self._outs: list[Out] = []

    def load(self, keys: Iterable[bytes]) -> None:
        """Get the rows of these products with one look-up."""
        wanted = list(keys)
        found = self._state.get("catalog", wanted) if wanted else []
        for key, row in zip(wanted, found, strict=True):
            self._known[key] = None if row is None else unpack(PosProduct, row)

    def take(self, reading: Reading, told: Parts) -> Rejected | None:
        """Take in all that a body tells of products; a set that is not believed is refused."""
        run = self._runs.run_of(reading)
        for past in told.history:
            telling = Telling(reading, run, changed_by=past.changed_by)
            self._history.take(past.product, telling)
        for product in told.products:
            self._know(product, Telling(reading, run))
        if told.all_products is None:
            return None
        return self._compare(told.all_products, Telling(reading, run, Noticed.COMPARED))

    def _know(self, product: PosProduct, telling: Telling) -> None:
        self._history.take(product, telling)
        key = row_key(product.account_id, product.pos_product_id)
        known = self._known.get(key)
        if known is not None and (product.version, pack(product)) <= (
            known.version,
            pack(known),
        ):
            return
        if known is None and not product.deleted:
            self._runs.count(telling.reading, new_products=1)
        self._known[key] = product
        self._rows[key] = pack(product)
        self._outs.append(row_out(key, product))

    def _compare(self, said: ProductSet, telling: Telling) -> Rejected | None:
        """Delete what the provider has no more."""
        prefix = row_key(telling.reading.account.account_id, "")
        rows = self._state.scan("catalog", prefix) | self._rows
        known = {
            key: unpack(PosProduct, row)
            for key, row in rows.items()
            if row is not None and key.startswith(prefix)
        }
        changed = differences(known.values(), said)
        if isinstance(changed, Rejected):
            return changed
        self._known.update(known)
        for product in changed:
            self._know(product, telling)
        return None

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows of the catalogue and their public records."""
        return self._rows, self._outs

    def versions(self) -> tuple[Rows, list[Out]]:
        """Return the new rows of the history and their public records."""
        return self._history.rows()
