"""
A CSV file as the transactions that it holds; every trouble has its line and what to do.

Rows with the same id are one transaction, wherever in the file they stand. A transaction is
made whole or not at all.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.contract import Shop
from connectors.push.mapping import CsvMapping
from connectors.push.read import assemble, part_of
from connectors.push.troubles import BodyError
from schemas.businessday import zone_named
from schemas.money import InexactAmountError, Money

_SIGNS = {ord(sign): None for sign in "€$£¥\u00a0\u202f "}
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,12}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong in a line of the file (from 1), and what to do."""

    line: int
    problem: str


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction: the line where it begins, its body to hand in, its day and total."""

    line: int
    id: str
    body: bytes
    day: date
    total: int


class Sheet(msgspec.Struct, frozen=True):
    """All that a file holds; `rows` counts the lines of goods."""

    bills: list[Bill]
    troubles: list[Trouble]
    rows: int


class _RowError(ValueError):
    """A cell cannot be read; the text names its column and what to do."""


class _Row(msgspec.Struct, frozen=True):
    line: int
    cells: Mapping[str, str]

    def text(self, column: str | None) -> str:
        """Return a cell without the white space around it, and without line breaks."""
        return "" if column is None else " ".join(self.cells.get(column, "").split())


def read_sheet(content: bytes, mapping: CsvMapping, shop: Shop, *, version: int = 1) -> Sheet:
    """
    Read a file.

    Args:
        shop: gives the currency, and the zone of times without one.
        version: of all its transactions; a corrected file needs a higher one.
    """
    troubles: list[Trouble] = []
    groups: dict[str, list[_Row]] = {}
    rows = 0
    for row in _rows(content, mapping, troubles):
        rows += 1
        name = row.text(mapping.transaction.id)
        if name:
            groups.setdefault(name, []).append(row)
        else:
            what = f"column {mapping.transaction.id!r} is empty: every row needs its bill's id"
            troubles.append(Trouble(row.line, what))
    reader = _Reader(mapping, shop, version)
    bills = [
        bill for name, group in groups.items() if (bill := reader.bill(name, group, troubles))
    ]
    return Sheet(bills, sorted(troubles, key=lambda one: one.line), rows)


def _rows(content: bytes, mapping: CsvMapping, troubles: list[Trouble]) -> Iterator[_Row]:
    try:
        text = _decoded(content, mapping.file.encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = f"not {mapping.file.encoding}: set encoding in [file], or leave it out"
        troubles.append(Trouble(line, what))
        return
    lines = io.StringIO(text, newline="")
    for _ in range(mapping.file.skip_lines):
        lines.readline()
    reader = csv.reader(lines, delimiter=mapping.file.delimiter, strict=True)
    skipped = mapping.file.skip_lines
    try:
        names = [name.strip() for name in next(reader, [])]
        if not _has_columns(names, mapping, skipped + 1, troubles):
            return
        begin = reader.line_num + 1
        for cells in reader:
            line, begin = skipped + begin, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                what = f"{len(cells)} cells, {len(names)} columns: quote what holds delimiters"
                troubles.append(Trouble(line, what))
                continue
            yield _Row(line, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        troubles.append(Trouble(skipped + reader.line_num, f"no CSV: {error}; see the quotes"))


def _decoded(content: bytes, encoding: str) -> str:
    if encoding not in {"auto", "utf-8"}:
        return content.decode(encoding)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if encoding == "utf-8":
            raise
        # cp1252 has five holes; latin-1 has none and is the same but for its control codes
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError:
            return content.decode("latin-1")


def _has_columns(
    names: Sequence[str], mapping: CsvMapping, line: int, troubles: list[Trouble]
) -> bool:
    missing = sorted(mapping.columns() - set(names))
    twice = sorted({name for name in mapping.columns() if names.count(name) > 1})
    if missing:
        what = f"no column {', '.join(map(repr, missing))}; there are: {', '.join(names)[:300]}"
        troubles.append(Trouble(line, f"{what} (see delimiter and skip_lines in [file])"))
    if twice:
        troubles.append(Trouble(line, f"column {twice[0]!r} stands there twice: rename one"))
    return not missing and not twice


class _Reader:
    """Makes bodies of rows."""

    def __init__(self, mapping: CsvMapping, shop: Shop, version: int) -> None:
        self._mapping = mapping
        self._shop = shop
        self._currency = shop.currency or ""
        self._zone: ZoneInfo = zone_named(mapping.file.timezone or shop.calendar.timezone)
        self._version = version

    def bill(self, name: str, rows: Sequence[_Row], troubles: list[Trouble]) -> Bill | None:
        """Return the transaction of these rows; None after its troubles have been noted."""
        lines: list[dict[str, Any]] = []
        before = len(troubles)
        for row in rows:
            try:
                lines.append(self._line(row))
            except _RowError as error:
                troubles.append(Trouble(row.line, f"{error}"))
        if len(troubles) > before:
            return None
        try:
            body = msgspec.json.encode(self._body(name, rows, lines))
            part = part_of(body, self._shop)
        except _RowError as error:
            troubles.append(Trouble(rows[0].line, f"{error}"))
            return None
        except BodyError as error:
            troubles.append(_explained(error, rows))
            return None
        (made,) = assemble({part.part_id: part}, self._shop)
        return Bill(
            line=rows[0].line,
            id=name,
            body=body,
            day=made.business_day,
            total=made.totals.total,
        )

    def _body(
        self, name: str, rows: Sequence[_Row], lines: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        columns, first = self._mapping.transaction, rows[0]
        body = {
            "id": name,
            "version": self._version,
            "currency": self._currency,
            "occurred_at": self._time(first),
            "lines": lines,
            "register": first.text(columns.register) or None,
            "cashier": first.text(columns.cashier) or None,
            "receipt_number": first.text(columns.receipt_number) or None,
            "customer": first.text(columns.customer) or None,
        }
        total = sum(line["gross"] - line["discount"] for line in lines)
        if not self._mapping.file.prices_include_tax:
            total += sum(line["tax"] for line in lines)
        return body | {"tenders": self._tenders(rows, total)}

    # -- cells -------------------------------------------------------------------------------

    def _line(self, row: _Row) -> dict[str, Any]:
        columns = self._mapping.line
        discount = self._money(row, columns.discount) or 0
        if self._mapping.file.discounts_are_negative:
            discount = -discount
        tax = self._money(row, columns.tax) or 0
        quantity = self._number(row, columns.quantity)
        quantity = Decimal(1) if quantity is None else quantity
        price, gross = self._priced(row, quantity, discount)
        if gross * quantity < 0:
            quantity = -quantity
        return {
            "name": row.text(columns.name) or row.text(columns.pos_product_id) or "Item",
            "pos_product_id": row.text(columns.pos_product_id) or None,
            "sku": row.text(columns.sku) or None,
            "category": row.text(columns.category) or None,
            "quantity": f"{quantity:f}",
            "unit": row.text(columns.unit).lower() or "each",
            "unit_price": price,
            "gross": gross,
            "discount": discount,
            "tax": tax,
            "tax_included": tax if self._mapping.file.prices_include_tax else 0,
        }

    def _priced(self, row: _Row, quantity: Decimal, discount: int) -> tuple[int | None, int]:
        """Return the unit price where it is whole, and the gross amount."""
        columns = self._mapping.line
        amount = self._money(row, columns.amount)
        gross = self._money(row, columns.gross) if amount is None else amount + discount
        if gross is not None:
            price = self._number(row, columns.unit_price)
            try:
                whole = None if price is None else Money.parse(price, self._currency).minor
            except InexactAmountError:
                whole = None
            return (None if whole is None else abs(whole)), gross
        price_minor = self._money(row, columns.unit_price)
        if price_minor is None:
            raise _RowError("no price: give unit_price, gross or amount")
        exact = quantity * price_minor
        if exact != exact.to_integral_value():
            raise _RowError("quantity x unit_price is no whole amount: map gross or amount too")
        return abs(price_minor), int(exact)

    def _tenders(self, rows: Sequence[_Row], total: int) -> list[dict[str, Any]]:
        """Return the payments; one that is repeated on every row of its bill is one."""
        columns = self._mapping.tender
        paid: dict[tuple[str, int | None, int], None] = {}
        for row in rows:
            amount = self._money(row, columns.amount)
            if columns.amount is None or amount is not None:
                tip = self._money(row, columns.tip) or 0
                paid[self._method(row), amount, tip] = None
        if columns.amount is None:
            if len(paid) > 1:
                raise _RowError("paid in several ways: map amount in [tender]")
            tips = sum(tip for _, _, tip in paid)
            paid = {(method, total + tip, tips): None for method, _, tip in paid}
        return [
            {"method": method, "amount": amount, "tip": tip}
            for method, amount, tip in paid
            if amount
        ]

    def _method(self, row: _Row) -> str:
        text = row.text(self._mapping.tender.method)
        if not text:
            return "other"
        method = self._mapping.method(text)
        if method is None:
            raise _RowError(f"payment {text[:40]!r} is unknown: say what it is in [methods]")
        return method.value

    def _time(self, row: _Row) -> str:
        text = " ".join(filter(None, (row.text(column) for column in self._mapping.times())))
        form = self._mapping.file.date
        try:
            if form == "iso":
                when = datetime.fromisoformat(text)
                when = when if when.tzinfo else when.replace(tzinfo=self._zone)
            elif "%z" in form:
                when = datetime.strptime(text, form).astimezone(self._zone)
            else:
                when = datetime.strptime(text, form).replace(tzinfo=self._zone)
        except ValueError:
            what = f"{text[:40]!r} is no time of the form {form!r}: set date in [file]"
            raise _RowError(what) from None
        return when.isoformat()

    def _money(self, row: _Row, column: str | None) -> int | None:
        number = self._number(row, column)
        try:
            return None if number is None else Money.parse(number, self._currency).minor
        except InexactAmountError as error:
            raise _RowError(f"column {column!r}: {error}") from None

    def _number(self, row: _Row, column: str | None) -> Decimal | None:
        """Return a number; None for an empty cell."""
        text = row.text(column).translate(_SIGNS).removesuffix(self._currency)
        if not text:
            return None
        if text.endswith("-"):
            text = f"-{text[:-1]}"
        file = self._mapping.file
        whole, point, rest = text.partition(file.decimal)
        if file.thousands:
            groups = whole.lstrip("+-").split(file.thousands)
            if all(len(group) == 3 for group in groups[1:]):  # noqa: PLR2004 - thousands
                whole = whole.replace(file.thousands, "")
        plain = f"{whole}.{rest}" if point else whole
        # a point that is not the file's decimal one may be of thousands: never guess
        strange = file.decimal != "." and "." in whole + rest
        if strange or not _NUMBER.fullmatch(plain):
            hint = "set decimal and thousands in [file]"
            raise _RowError(f"column {column!r}: {text[:40]!r} is no number; {hint}")
        return Decimal(plain)


def _explained(error: BodyError, rows: Sequence[_Row]) -> Trouble:
    """Say in which line a transaction contradicts itself."""
    steps = error.pointer.split("/")
    line = rows[0].line
    if len(steps) > 2 and steps[1] == "lines" and steps[2].isdigit():  # noqa: PLR2004
        line = rows[min(int(steps[2]), len(rows) - 1)].line
    hint = ""
    if error.pointer == "/totals/unpaid":
        hint = ": the payments are not what the lines make; see [tender] and prices_include_tax"
    return Trouble(line, f"{error.pointer}: {error.reason}{hint}")
