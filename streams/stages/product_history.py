"""
The versions of products: what differs from the version before it, by the provider's order.

What is told twice, or tells nothing new, makes no version. One that arrives after a newer one
still becomes a version, a late one, and changes nothing else: the log that a provider keeps
itself is often read after the product. Only `number`, the order of learning, and how finely an
unchanged stretch is cut, depend on what came first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

from msgspec.structs import fields, replace

from schemas.catalogue import PosProduct
from schemas.codec import pack, unpack
from schemas.history import Noticed, ProductEvent, ProductVersion
from schemas.identity import derived_id
from schemas.sync import SyncRun
from streams.log import Out, Rows, StateView
from streams.stages.reading import Reading, row_key
from streams.stages.tables import row_out

NUMBER_DIGITS = 8

_NOT_CONTENT = {"version", "changed_at"}
_CONTENT = tuple(one.name for one in fields(PosProduct) if one.name not in _NOT_CONTENT)


def history_key(account: str, product: str, number: int | None = None) -> bytes:
    """Return the key of a version; without a number the prefix of all of the product's."""
    # an id may hold any character that people type, also "/": so it ends where none can be
    text = "" if number is None else f"{number:0{NUMBER_DIGITS}d}"
    return row_key(account, f"{product}\x00{text}")


@dataclass(frozen=True, slots=True)
class Telling:
    """How a product was told of: in which raw event, by which run, by whom and how."""

    reading: Reading
    run: SyncRun | None
    noticed: Noticed = Noticed.TOLD
    changed_by: str | None = None


class ProductHistory:
    """The versions of the products that a chunk speaks of."""

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._known: dict[bytes, list[ProductVersion]] = {}
        self._new: dict[bytes, ProductVersion] = {}

    def take(self, product: PosProduct, telling: Telling) -> None:
        """Keep what the product was, unless it is known or differs in nothing."""
        known = self._versions(product)
        at = bisect_left(known, _standing(product), key=_standing_of)
        before = known[at - 1].after if at else None
        again = at < len(known) and _standing_of(known[at]) == _standing(product)
        if again or (before is not None and not _differences(before, product)):
            return
        version = _version(product, before, len(known) + 1, telling, late=at < len(known))
        insort(known, version, key=_standing_of)
        key = history_key(product.account_id, product.pos_product_id, version.number)
        self._new[key] = version

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the new versions and their public records."""
        rows: Rows = {key: pack(version) for key, version in self._new.items()}
        return rows, [row_out(key, version) for key, version in self._new.items()]

    def _versions(self, product: PosProduct) -> list[ProductVersion]:
        prefix = history_key(product.account_id, product.pos_product_id)
        known = self._known.get(prefix)
        if known is None:
            rows = self._state.scan("versions", prefix).values()
            known = sorted((unpack(ProductVersion, row) for row in rows), key=_standing_of)
            self._known[prefix] = known
        return known


def _standing(product: PosProduct) -> tuple[int, bytes]:
    """Return where a product stands among its versions."""
    return product.version, pack(replace(product, version=0, changed_at=None))


def _standing_of(version: ProductVersion) -> tuple[int, bytes]:
    return _standing(version.after)


def _differences(one: PosProduct, other: PosProduct) -> tuple[str, ...]:
    return tuple([name for name in _CONTENT if getattr(one, name) != getattr(other, name)])


def _version(
    product: PosProduct,
    before: PosProduct | None,
    number: int,
    telling: Telling,
    *,
    late: bool,
) -> ProductVersion:
    raw, run = telling.reading.raw, telling.run
    names = (product.account_id, product.pos_product_id, str(number))
    return ProductVersion(
        version_id=derived_id("product-version", *names),
        tenant_id=product.tenant_id,
        account_id=product.account_id,
        pos_product_id=product.pos_product_id,
        number=number,
        event=_event(product, before),
        noticed=telling.noticed,
        fields=() if before is None else _differences(before, product),
        before=before,
        after=product,
        late=late,
        valid_from=product.changed_at,
        recorded_at=raw.received_at,
        changed_by=telling.changed_by,
        sync_id=raw.sync_id,
        run_as=None if run is None else run.run_as,
        message=None if run is None else run.message,
        cause=telling.reading.cause,
    )


def _event(product: PosProduct, before: PosProduct | None) -> ProductEvent:
    if before is None:
        return ProductEvent.DELETED if product.deleted else ProductEvent.CREATED
    if product.deleted != before.deleted:
        return ProductEvent.DELETED if product.deleted else ProductEvent.REVIVED
    return ProductEvent.UPDATED
