"""
What a chunk says of a POS's products, departments, vendors and members.

Products are told one by one, by the provider's own version. The others are told as
complete sets, because no provider that has them says when one has changed: a set is compared
with what is known, and whatever differs is a version of the time at which we saw it.
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.contract import Parts, ProductSet, RecordSet, Rejected
from schemas.catalogue import PosProduct, PosRecord
from schemas.history import Noticed
from streams.log import Out, Rows, StateView
from streams.stages.book import Book
from streams.stages.complete_set import absent
from streams.stages.history import Telling
from streams.stages.kinds import PRODUCTS, RECORDS, differences
from streams.stages.personal import Personal
from streams.stages.reading import Reading
from streams.stages.runs import RunBook


class CatalogBook:
    """Two books, and how what connectors tell is written into them."""

    def __init__(self, state: StateView, runs: RunBook, personal: Personal) -> None:
        self._runs = runs
        self._personal = personal
        self._products = Book(PRODUCTS, state)
        self._records = Book(RECORDS, state)

    def load(self, keys: Iterable[bytes]) -> None:
        """Get the rows of these products with one look-up."""
        self._products.load(keys)

    def take(self, reading: Reading, told: Parts) -> Rejected | None:
        """Take in all that a body tells; a set that is not believed is refused."""
        run = self._runs.run_of(reading)
        for past in told.history:
            telling = Telling(reading, run, changed_by=past.changed_by)
            self._products.past(past.product, telling)
        for product in told.products:
            self._know(product, Telling(reading, run))
        if told.all_products is not None:
            return self._compare(told.all_products, Telling(reading, run, Noticed.COMPARED))
        if told.all_records is not None:
            return self._compare_records(told.all_records, reading)
        return None

    def _know(self, product: PosProduct, telling: Telling) -> None:
        if self._products.know(product, telling):
            self._runs.count(telling.reading, new_products=1)

    def _compare(self, said: ProductSet, telling: Telling) -> Rejected | None:
        """Delete what the provider has no more."""
        known = self._products.all_of(telling.reading.account.account_id)
        changed = absent(
            known.values(), said.ids, said.as_of_us, lambda one: one.pos_product_id
        )
        if isinstance(changed, Rejected):
            return changed
        for product in changed:
            self._know(product, telling)
        return None

    def _compare_records(self, said: RecordSet, reading: Reading) -> Rejected | None:
        """Keep what is new or differs, delete what is missing."""
        run = self._runs.run_of(reading)
        group = f"{said.kind.value}/"
        known = self._records.all_of(reading.account.account_id, group)
        ids = frozenset(one.record.record_id for one in said.records)
        gone = absent(known.values(), ids, said.as_of_us, lambda one: one.record_id)
        if isinstance(gone, Rejected):
            return gone
        for told in said.records:
            before = known.get(f"{group}{told.record.record_id}")
            record = self._personal.sealed(reading, told.record, before)
            if before is None or _is_news(record, before):
                # a change that left the provider's time as it was is of another user and time
                moved = before is None or record.changed_at != before.changed_at
                by = told.changed_by if moved else None
                telling = Telling(reading, run, changed_by=by, dated=moved)
                self._records.know(record, telling)
        for one in gone:
            if one.deleted:
                self._records.know(one, Telling(reading, run, Noticed.COMPARED))
        return None

    def products(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows of the catalogue and their public records."""
        return self._products.rows()

    def product_versions(self) -> tuple[Rows, list[Out]]:
        """Return the new versions of products and their public records."""
        return self._products.versions()

    def records(self) -> tuple[Rows, list[Out]]:
        """Return the changed departments, vendors and members and their public records."""
        return self._records.rows()

    def record_versions(self) -> tuple[Rows, list[Out]]:
        """Return the new versions of these and their public records."""
        return self._records.versions()


def _is_news(record: PosRecord, known: PosRecord) -> bool:
    return record.version > known.version and bool(differences(known, record))
