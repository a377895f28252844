"""Which column of a CSV file is what: the mapping file (TOML), read and checked."""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

import msgspec

from schemas.businessday import UnknownZoneError, zone_named
from schemas.transaction import Method

Column = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class MappingError(ValueError):
    """The mapping file cannot be used; the text says what to change in it."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections: a word that we do not know is an error of typing."""


class FileForm(_Section, frozen=True, kw_only=True):
    """
    How the file is written.

    Args:
        encoding: "auto" is UTF-8 (with or without BOM), else Windows-1252.
        thousands: what stands between groups of three digits; nothing by default, so that a
            comma that means a decimal is never taken for one.
        date: "iso", or the directives of Python's strptime ("%d.%m.%Y %H:%M").
        timezone: of times without an offset; the account's own by default.
        skip_lines: lines before the one with the names of the columns.
    """

    encoding: Literal["auto", "utf-8", "utf-16", "latin-1", "cp1252"] = "auto"
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    date: str = "iso"
    timezone: str | None = None
    skip_lines: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    prices_include_tax: bool = True
    discounts_are_negative: bool = False


class TransactionColumns(_Section, frozen=True, kw_only=True):
    """Columns of the bill; rows with the same `id` are one transaction."""

    id: Column
    occurred_at: Column | tuple[Column, ...]
    register: Column | None = None
    cashier: Column | None = None
    receipt_number: Column | None = None
    customer: Column | None = None


class LineColumns(_Section, frozen=True, kw_only=True):
    """
    Columns of a line.

    Args:
        gross: quantity x price, before discounts; `amount`: what is left after them.
        tax: the amount of tax, not its rate.
    """

    name: Column
    pos_product_id: Column | None = None
    sku: Column | None = None
    category: Column | None = None
    quantity: Column | None = None
    unit: Column | None = None
    unit_price: Column | None = None
    gross: Column | None = None
    amount: Column | None = None
    discount: Column | None = None
    tax: Column | None = None


class TenderColumns(_Section, frozen=True, kw_only=True):
    """Columns of the payment; without `amount` one tender paid the whole bill."""

    method: Column | None = None
    amount: Column | None = None
    tip: Column | None = None


class CsvMapping(_Section, frozen=True, kw_only=True):
    """The whole mapping file; `methods` says what the till's words for payments mean."""

    file: FileForm = FileForm()
    transaction: TransactionColumns
    line: LineColumns
    tender: TenderColumns = TenderColumns()
    methods: dict[str, Method] = {}

    def times(self) -> tuple[str, ...]:
        """Return the columns that make the time, in their order."""
        at = self.transaction.occurred_at
        return (at,) if isinstance(at, str) else at

    def columns(self) -> set[str]:
        """Return every column that the file must have."""
        named = {
            column
            for section in (self.transaction, self.line, self.tender)
            for column in msgspec.structs.asdict(section).values()
            if isinstance(column, str)
        }
        return named | set(self.times())

    def method(self, text: str) -> Method | None:
        """Return what a till's word for a payment means; None when nobody has said."""
        word = text.strip().casefold()
        known = {name.casefold(): method for name, method in self.methods.items()}
        own = {method.value: method for method in Method}
        return known.get(word) or own.get(word)


def read_mapping(content: bytes) -> CsvMapping:
    """
    Read a mapping file.

    Raises:
        MappingError: it is no TOML, or says something that it cannot.
    """
    try:
        mapping = msgspec.convert(tomllib.loads(content.decode("utf-8-sig")), CsvMapping)
    except (ValueError, msgspec.ValidationError) as error:
        raise MappingError(f"the mapping file: {error}") from error
    line, file = mapping.line, mapping.file
    if line.unit_price is None and line.gross is None and line.amount is None:
        raise MappingError("the mapping file: [line] needs unit_price, gross or amount")
    if line.gross is not None and line.amount is not None:
        raise MappingError("the mapping file: [line] takes gross or amount, not both")
    if file.thousands == file.decimal:
        raise MappingError("the mapping file: decimal and thousands are the same")
    if file.delimiter in '"\r\n':
        raise MappingError("the mapping file: [file] delimiter cannot be that")
    if not mapping.times():
        raise MappingError("the mapping file: [transaction] occurred_at names no column")
    try:
        zone_named(file.timezone or "UTC")
    except UnknownZoneError as error:
        raise MappingError(f"the mapping file: {error}") from error
    return mapping
