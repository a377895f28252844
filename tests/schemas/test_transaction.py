"""The laws of a transaction, and what names a product."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.transaction import (
    Kind,
    Line,
    LineKind,
    Method,
    ServiceCharge,
    Status,
    Tax,
    Tender,
    Tip,
    Totals,
    Transaction,
    broken_laws,
    counts,
    product_key,
)

CENTS = st.integers(-(10**7), 10**7)


def a_line(gross: int = 100, discount: int = 0, tax: int = 0, included: int = 0) -> Line:
    return Line(
        line_id="1",
        kind=LineKind.ITEM,
        pos_product_id="P1",
        name="Rye bread",
        quantity=Decimal(1),
        unit_price=abs(gross),
        gross=gross,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=gross - discount - included,
    )


def a_bill(lines: list[Line], fee: int = 0, fee_tax: int = 0, tip: int = 0) -> Transaction:
    gross, discount = sum(one.gross for one in lines), sum(one.discount for one in lines)
    included = sum(one.tax_included for one in lines)
    tax = sum(one.tax for one in lines) + fee_tax
    whole = gross - discount + tax - included + fee + tip
    at = datetime(2026, 5, 1, tzinfo=UTC)
    return Transaction(
        transaction_id="t",
        tenant_id="tenant",
        account_id="account",
        location_id="L",
        provider="square",
        provider_ids={},
        kind=Kind.SALE,
        status=Status.COMPLETED,
        occurred_at=at,
        closed_at=at,
        business_day=date(2026, 5, 1),
        currency="EUR",
        lines=tuple(lines),
        discounts=(),
        taxes=(Tax(name="VAT", amount=tax, included=True),),
        service_charges=(ServiceCharge(name="Delivery", amount=fee, tax=fee_tax),),
        tips=(Tip(source="cash", amount=tip),),
        tenders=(Tender(tender_id="1", method=Method.CASH, amount=whole),),
        totals=Totals(
            gross=gross,
            discount=discount,
            tax=tax,
            tax_included=included,
            net=gross - discount - included,
            service_charge=fee,
            tip=tip,
            total=whole,
        ),
    )


LINES = st.lists(st.builds(a_line, CENTS, CENTS, CENTS, CENTS), max_size=5)


@given(LINES, CENTS, CENTS, CENTS)
def test_a_bill_whose_parts_add_up_breaks_no_law(
    lines: list[Line], fee: int, fee_tax: int, tip: int
) -> None:
    assert list(broken_laws(a_bill(lines, fee, fee_tax, tip))) == []


@pytest.mark.parametrize("field", Totals.__struct_fields__)
@given(off=st.integers(-1000, 1000).filter(bool))
def test_a_total_that_is_off_by_anything_breaks_a_law(field: str, off: int) -> None:
    bill = a_bill([a_line(500, 50, 30, 30), a_line(-100)], fee=40, fee_tax=3, tip=20)
    wrong: dict[str, Any] = {field: getattr(bill.totals, field) + off}
    bill = msgspec.structs.replace(bill, totals=msgspec.structs.replace(bill.totals, **wrong))
    assert any(str(abs(off)) in law for law in broken_laws(bill))


@pytest.mark.parametrize("field", ["gross", "discount", "tax", "tax_included", "net"])
def test_a_line_that_is_off_breaks_a_law(field: str) -> None:
    line = a_line(500, 50, 30, 30)
    wrong = msgspec.structs.replace(line, **{field: getattr(line, field) + 1})
    bill = a_bill([line])
    assert list(broken_laws(msgspec.structs.replace(bill, lines=(wrong,))))


def test_what_was_not_paid_is_named() -> None:
    bill = msgspec.structs.replace(a_bill([a_line(500)]), tenders=())
    assert list(broken_laws(bill)) == ["unpaid: parts make 500, total says 0, difference -500"]
    open_bill = msgspec.structs.replace(bill.totals, unpaid=500)
    assert list(broken_laws(msgspec.structs.replace(bill, totals=open_bill))) == []


def test_what_a_provider_rounded_is_part_of_the_total() -> None:
    bill = a_bill([a_line(502)])
    rounded = msgspec.structs.replace(bill.totals, rounding=-2, total=500)
    paid = (Tender(tender_id="1", method=Method.CASH, amount=500),)
    assert list(broken_laws(msgspec.structs.replace(bill, totals=rounded, tenders=paid))) == []


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("status", Status)
def test_only_what_is_completed_and_no_void_counts(kind: Kind, status: Status) -> None:
    bill = msgspec.structs.replace(a_bill([]), kind=kind, status=status)
    assert counts(bill) == (status is Status.COMPLETED and kind is not Kind.VOID)
    assert not counts(None)


def test_a_product_is_named_by_its_id_in_the_catalogue() -> None:
    assert product_key(a_line()) == "P1"


@given(st.text(max_size=20))
def test_a_typed_in_amount_is_named_by_its_name_without_case_and_spaces(name: str) -> None:
    line = msgspec.structs.replace(a_line(), pos_product_id=None, name=name)
    loud = msgspec.structs.replace(line, name=f"  {name.upper().lower()} ")
    assert product_key(line).startswith("custom:")
    if name.upper().lower() == name.lower() == name.casefold():
        assert product_key(loud) == product_key(line)


def test_two_ways_to_type_a_name_are_one_product() -> None:
    names = ("Day-old  Bread", " day-old bread", "DAY-OLD BREAD\t")
    lines = [
        msgspec.structs.replace(a_line(), pos_product_id=None, name=name) for name in names
    ]
    assert {product_key(line) for line in lines} == {"custom:day-old bread"}
