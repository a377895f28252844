"""CSV files of other systems: what is read, and what is said of a line that cannot be."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.catalogue import CONNECTORS
from connectors.push.mapping import CsvMapping, MappingError, read_mapping
from connectors.push.sheet import Sheet, read_sheet
from schemas.transaction import Kind, Method, Transaction
from tests.connectors.golden import home_of, transactions

SHOP = home_of("push")
PLAIN = b"""
[transaction]
id = "bill"
occurred_at = "at"
[line]
name = "item"
quantity = "qty"
unit_price = "price"
[tender]
method = "paid by"
[methods]
Bar = "cash"
"""
GERMAN = b"""
[file]
delimiter = ";"
decimal = ","
thousands = "."
date = "%d.%m.%Y %H:%M"
skip_lines = 1
[transaction]
id = "Bon"
occurred_at = ["Datum", "Zeit"]
[line]
name = "Artikel"
pos_product_id = "Nr"
quantity = "Menge"
amount = "Betrag"
discount = "Rabatt"
tax = "MwSt"
[tender]
method = "Zahlart"
amount = "Bezahlt"
[methods]
Bar = "cash"
"EC-Karte" = "card"
"""
HEAD = "bill,at,item,qty,price,paid by\n"
ROW = "1,2026-05-04T10:00:00,Pretzel,2,1.20,Bar\n"


def sheet(text: str | bytes, mapping: bytes = PLAIN, **more: int) -> Sheet:
    content = text if isinstance(text, bytes) else text.encode()
    return read_sheet(content, read_mapping(mapping), SHOP, **more)


def made(read: Sheet) -> list[Transaction]:
    assert read.troubles == []
    return transactions(CONNECTORS["push"], [bill.body for bill in read.bills])


def troubles(read: Sheet) -> list[tuple[int, str]]:
    return [(one.line, one.problem) for one in read.troubles]


def test_rows_of_one_bill_are_one_transaction_wherever_they_stand() -> None:
    other = ROW.replace("1,", "2,", 1)
    coffee = "1,2026-05-04T10:00:00,Coffee,1,2.90,Bar\n"
    read = sheet(HEAD + ROW + other + coffee)
    assert (read.rows, [bill.line for bill in read.bills]) == (3, [2, 3])
    assert sorted(tx.totals.total for tx in made(read)) == [240, 530]
    assert [tx.tenders[0].method for tx in made(read)] == [Method.CASH, Method.CASH]


def test_a_german_export_with_all_its_habits_is_read_to_the_cent() -> None:
    text = (
        "Umsätze Mai\r\n"
        "Bon;Datum;Zeit;Artikel;Nr;Menge;Betrag;Rabatt;MwSt;Zahlart;Bezahlt\r\n"
        '7;04.05.2026;23:59;"Käse; jung";K1;0,385;1.766,40 €;100,00;115,56;Bar;1.000,00\r\n'
        "7;04.05.2026;23:59;Brötchen;B1;2;0,80;;0,05;EC-Karte;767,20\r\n"
        "8;05.05.2026;09:00;Brötchen;B1;1;-0,40;;-0,03;Bar;-0,40\r\n"
        "\r\n"
    )
    for content in (text.encode("cp1252"), b"\xef\xbb\xbf" + text.encode()):
        sale, refund = sorted(made(sheet(content, GERMAN)), key=lambda tx: tx.occurred_at)
        cheese = sale.lines[0]
        assert (cheese.name, cheese.quantity) == ("Käse; jung", Decimal("0.385"))
        assert (cheese.gross, cheese.discount, cheese.net) == (186640, 10000, 165084)
        assert sale.totals.total == 176720
        assert [(t.method, t.amount) for t in sale.tenders] == [
            ("cash", 100000),
            ("card", 76720),
        ]
        assert f"{sale.occurred_at:%H:%M %z}" == "21:59 +0000"
        assert (refund.kind, refund.lines[0].quantity) == (Kind.REFUND, -1)


def test_a_corrected_file_takes_the_place_of_the_first_by_its_higher_version() -> None:
    first, second = sheet(HEAD + ROW), sheet(HEAD + ROW.replace("1.20", "1.30"), version=2)
    bodies = [*(bill.body for bill in second.bills), *(bill.body for bill in first.bills)]
    (tx,) = transactions(CONNECTORS["push"], bodies)
    assert tx.totals.total == 260


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROW.replace("1.20", '"1,20"'), "set decimal"),
        (ROW.replace("1.20", "nan"), "no number"),
        (ROW.replace("1.20", "1e3"), "no number"),
        (ROW.replace("1.20", "1.205"), "too many decimals"),
        (ROW.replace("1.20", ""), "no price"),
        (ROW.replace("2,1.20", "0.333,1.00"), "map gross or amount"),
        (ROW.replace("2026-05-04T10", "04.05.2026 10"), "set date"),
        (ROW.replace("Bar", "Scheck"), "[methods]"),
        (ROW.replace("1,", ",", 1), "'bill' is empty"),
        (ROW.replace("Pretzel", "Pretzel,with salt"), "7 cells, 6 columns"),
        (ROW.replace("Pretzel", '"Pretzel" and'), "see the quotes"),
        (ROW.replace(",2,", ",0,"), "/lines/0/quantity"),
        (ROW.replace("2026", "1826"), "/occurred_at"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_what_to_do(row: str, words: str) -> None:
    good = ROW.replace("1,", "9,", 1)
    read = sheet(HEAD + good + row)
    ((line, problem),) = troubles(read)
    assert line == 3
    assert words in problem
    assert [bill.id for bill in read.bills] == ["9"]


@pytest.mark.parametrize("number", ["1.234", "1.20", "1.234.567", "1,234,5", "12.34,00"])
def test_a_point_where_the_decimal_is_a_comma_is_never_guessed_at(number: str) -> None:
    file = b'[file]\ndelimiter = ";"\ndecimal = ","\n'
    row = f"1;2026-05-04T10:00:00;Pretzel;2;{number};Bar\n"
    ((line, problem),) = troubles(sheet(HEAD.replace(",", ";") + row, file + PLAIN))
    assert line == 2
    assert "set decimal and thousands" in problem


def test_a_bill_is_made_whole_or_not_at_all() -> None:
    read = sheet(HEAD + ROW + ROW.replace("1.20", "free") + ROW)
    assert read.bills == []
    assert [line for line, _ in troubles(read)] == [3]


def test_lines_are_counted_as_an_editor_counts_them_also_over_line_breaks_in_quotes() -> None:
    broken = ROW.replace("Pretzel", '"Pret\nzel"')
    read = sheet(HEAD + broken + "\n" + ROW.replace("Bar", "?").replace("1,", "2,", 1))
    assert [bill.line for bill in read.bills] == [2]
    assert [line for line, _ in troubles(read)] == [5]


def test_columns_that_are_not_there_are_named_with_those_that_are() -> None:
    read = sheet("bill;at;item\n1;2;3\n")
    ((line, problem),) = troubles(read)
    assert line == 1
    assert "'paid by'" in problem
    assert "bill;at;item" in problem
    assert "delimiter" in problem


def test_payments_that_do_not_make_the_bill_are_not_believed() -> None:
    mapping = PLAIN.replace(b'method = "paid by"', b'amount = "paid by"')
    read = sheet(HEAD + ROW.replace("Bar", "2.00"), mapping)
    ((line, problem),) = troubles(read)
    assert line == 2
    assert "difference" in problem
    assert "[tender]" in problem


def test_two_ways_to_pay_one_bill_need_their_amounts() -> None:
    read = sheet(HEAD + ROW + ROW.replace("Bar", "card"))
    ((_, problem),) = troubles(read)
    assert "map amount" in problem


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"item"', b'"item"\nprize = "x"', "prize"),
        (b'name = "item"', b"", "name"),
        (b'unit_price = "price"', b"", "unit_price, gross or amount"),
        (b'"cash"', b'"barter"', "barter"),
        (b"[line]", b"[line", "line"),
        (b"[transaction]", b'[file]\ntimezone = "Mars/City"\n[transaction]', "Mars"),
        (b"[transaction]", b'[file]\ndelimiter = "\\n"\n[transaction]', "delimiter"),
        (b"[transaction]", b'[file]\nthousands = "."\n[transaction]', "the same"),
        (b'"at"', b"[]", "no column"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(old: bytes, new: bytes, words: str) -> None:
    with pytest.raises(MappingError, match="mapping file") as found:
        read_mapping(PLAIN.replace(old, new))
    assert words in str(found.value)


@settings(max_examples=200)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: HEAD + text))
def test_no_file_raises(content: bytes | str) -> None:
    assert isinstance(sheet(content), Sheet)


CELLS = st.sampled_from(["1", "-2", "0.5", "1.20", "", "x", "Bar", "2026-05-04", "9" * 12, "0"])


@settings(max_examples=200)
@given(st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=6))
def test_whatever_cells_say_a_bill_is_believable_or_in_trouble(rows: list[list[str]]) -> None:
    read = sheet(HEAD + "".join(",".join(row) + "\n" for row in rows))
    for bill in read.bills:
        (tx,) = transactions(CONNECTORS["push"], [bill.body])
        assert (tx.totals.total, tx.business_day) == (bill.total, bill.day)
    named = {row[0] for row in rows if row[0]}
    assert len(named) <= len(read.bills) + len(read.troubles)


def test_the_words_of_tills_for_payments_are_found_in_any_case() -> None:
    mapping: CsvMapping = read_mapping(PLAIN)
    assert mapping.method("BAR ") is Method.CASH
    assert mapping.method("card") is Method.CARD
    assert mapping.method("clams") is None
    assert msgspec.to_builtins(mapping)["methods"] == {"Bar": "cash"}
