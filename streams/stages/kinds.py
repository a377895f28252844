"""What has versions: products of a POS, and its departments, vendors and members."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from msgspec.structs import fields

from schemas.catalogue import PosProduct, PosRecord
from schemas.codec import unpack
from schemas.history import ProductVersion, RecordVersion

T = TypeVar("T", PosProduct, PosRecord)
T_co = TypeVar("T_co", PosProduct, PosRecord, covariant=True)

_NOT_CONTENT = {"version", "changed_at"}


class Version(Protocol[T_co]):
    """One version of a thing; `number` is its place in the order of learning."""

    @property
    def number(self) -> int:
        """Return its number, 1 for the first."""
        ...

    @property
    def after(self) -> T_co:
        """Return what the thing was from then on."""
        ...


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """
    One kind of thing that has versions.

    Args:
        table: of what it is now; `versions` of what it was.
        label: begins the names that ids of versions are derived from.
        names: the fields by which a version names its thing, in the order of its key.
        open: reads a row of the table, `open_version` one of the versions.
        version: makes a version of its fields.
    """

    table: str
    versions: str
    label: str
    names: tuple[str, ...]
    open: Callable[[bytes], T]
    open_version: Callable[[bytes], Version[T]]
    version: Callable[..., Version[T]]

    def named(self, one: T) -> dict[str, str]:
        """Return what a version of it is called by."""
        return {name: getattr(one, name) for name in self.names}

    def name_of(self, one: T) -> str:
        """Return its name within the account."""
        return "/".join(self.named(one).values())


PRODUCTS: Kind[PosProduct] = Kind(
    table="catalog",
    versions="versions",
    label="product-version",
    names=("pos_product_id",),
    open=lambda row: unpack(PosProduct, row),
    open_version=lambda row: unpack(ProductVersion, row),
    version=ProductVersion,
)
RECORDS: Kind[PosRecord] = Kind(
    table="records",
    versions="record_versions",
    label="record-version",
    names=("kind", "record_id"),
    open=lambda row: unpack(PosRecord, row),
    open_version=lambda row: unpack(RecordVersion, row),
    version=RecordVersion,
)


def differences(one: T, other: T) -> tuple[str, ...]:
    """Return the names of the fields, or of single details, in which the content differs."""
    return tuple(_different(one, other))


def _different(one: T, other: T) -> Iterator[str]:
    for field in fields(type(one)):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in _NOT_CONTENT or mine == theirs:
            continue
        if isinstance(mine, dict):
            yield from sorted(n for n in mine | theirs if mine.get(n) != theirs.get(n))
        else:
            yield field.name
