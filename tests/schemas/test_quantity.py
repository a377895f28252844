"""Quantities are exact decimals with a unit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.quantity import Quantity, UnitMismatchError, plain

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=5)
KILOS = AMOUNTS.map(lambda amount: Quantity(amount, "kg"))
NONE = Quantity(Decimal(0), "kg")


@given(KILOS, KILOS, KILOS)
def test_quantities_of_one_unit_are_a_group(a: Quantity, b: Quantity, c: Quantity) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + NONE == a
    assert a - a == NONE


def test_quantities_of_two_units_do_not_add_up() -> None:
    with pytest.raises(UnitMismatchError, match="each to kg"):
        NONE + Quantity(Decimal(1))


@given(AMOUNTS, st.integers(0, 4))
def test_equal_numbers_have_one_plain_form(amount: Decimal, zeros: int) -> None:
    padded = Decimal(f"{amount}" + "0" * zeros)
    assert str(plain(padded)) == str(plain(amount))
    assert plain(amount) == amount
    assert str(plain(plain(amount))) == str(plain(amount))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("3.00", "3"),
        ("3E+2", "300"),
        ("0.50", "0.5"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("1200", "1200"),
        ("-1.10", "-1.1"),
    ],
)
def test_the_plain_form_has_no_trailing_zeros_no_exponent_and_no_negative_zero(
    text: str, form: str
) -> None:
    assert str(plain(Decimal(text))) == form


@pytest.mark.parametrize(
    "text", ["1E+28", "1.00000000000000000000000000001", "NaN", "sNaN", "Infinity"]
)
def test_more_digits_than_can_be_kept_are_refused_not_rounded(text: str) -> None:
    with pytest.raises(ArithmeticError):
        plain(Decimal(text))


def test_a_sum_that_would_have_to_be_rounded_is_refused() -> None:
    with pytest.raises(ArithmeticError):
        Quantity(Decimal("1E+20")) + Quantity(Decimal("1E-20"))
