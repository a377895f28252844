"""Amounts are exact: what is added, split, read or written never gains or loses a cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.money import (
    CurrencyMismatchError,
    InexactAmountError,
    Money,
    allocate,
    exponent,
    round_minor,
    total,
)

CURRENCIES = st.sampled_from(["JPY", "EUR", "KWD"])
MINOR = st.integers(-(2**63) + 1, 2**63 - 1)
AMOUNTS = st.integers(-(10**12), 10**12)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)
ZERO = Money(0, "EUR")


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


@given(AMOUNTS.map(eur), AMOUNTS.map(eur), AMOUNTS.map(eur))
def test_amounts_of_one_currency_are_a_group(a: Money, b: Money, c: Money) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + ZERO == a
    assert a + -a == ZERO
    assert a - b == a + -b
    assert ZERO - -a == a


@given(st.lists(AMOUNTS.map(eur)))
def test_a_total_is_the_sum_and_of_nothing_it_is_zero(amounts: list[Money]) -> None:
    assert total(amounts, "EUR") == eur(sum(one.minor for one in amounts))


def test_amounts_of_two_currencies_do_not_add_up() -> None:
    for wrong in (lambda: eur(1) + Money(1, "USD"), lambda: eur(1) - Money(1, "USD")):
        with pytest.raises(CurrencyMismatchError, match="EUR with USD"):
            wrong()
    with pytest.raises(CurrencyMismatchError):
        total([eur(1)], "USD")


@given(MINOR, CURRENCIES)
def test_an_amount_that_is_written_is_read_again(minor: int, currency: str) -> None:
    written = str(Money(minor, currency))
    amount, unit = written.split(" ")
    assert unit == currency
    assert Money.parse(amount, currency) == Money(minor, currency)
    assert len(amount.partition(".")[2]) == exponent(currency)


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (1250, "EUR", "12.50 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1250, "JPY", "1250 JPY"),
        (1250, "KWD", "1.250 KWD"),
        (12345, "CLF", "1.2345 CLF"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(
    minor: int, currency: str, written: str
) -> None:
    assert str(Money(minor, currency)) == written


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.505", "EUR"),
        ("0.5", "JPY"),
        ("0.0001", "KWD"),
        ("1.00000000000000000000000000000000000000000000000000000000000000001", "EUR"),
        ("1E-999999", "EUR"),
        ("NaN", "EUR"),
        ("Infinity", "EUR"),
        ("1E+999999", "EUR"),
        ("92233720368547758.08", "EUR"),
        ("twelve", "EUR"),
        ("", "EUR"),
    ],
)
def test_an_amount_that_would_have_to_be_rounded_or_is_none_is_refused(
    text: str, currency: str
) -> None:
    with pytest.raises(InexactAmountError):
        Money.parse(text, currency)


def test_zeros_beyond_the_decimals_of_a_currency_are_harmless() -> None:
    assert Money.parse("12.5000", "EUR") == eur(1250)
    assert Money.parse(Decimal("1.250E+1"), "EUR") == eur(1250)


@given(AMOUNTS, WEIGHTS)
def test_shares_sum_exactly_and_each_is_within_one_of_its_exact_share(
    minor: int, weights: list[int]
) -> None:
    shares = allocate(minor, weights)
    assert sum(shares) == minor
    assert len(shares) == len(weights)
    assume(sum(weights))
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - minor * weight) < sum(weights)


@given(AMOUNTS, st.lists(st.integers(-(10**6), 10**6), max_size=8))
def test_shares_sum_exactly_whatever_the_weights(minor: int, weights: list[int]) -> None:
    assert sum(allocate(minor, weights)) == (minor if weights else 0)


@given(AMOUNTS, WEIGHTS)
def test_a_refund_splits_as_its_sale_did(minor: int, weights: list[int]) -> None:
    assert allocate(-minor, weights) == [-share for share in allocate(minor, weights)]


@given(AMOUNTS, WEIGHTS)
def test_nothing_goes_to_a_weight_of_zero(minor: int, weights: list[int]) -> None:
    assume(sum(weights))
    for share, weight in zip(allocate(minor, weights), weights, strict=True):
        assert weight or not share


def test_when_nothing_weighs_the_first_takes_all() -> None:
    assert allocate(7, [0, 0, 0]) == [7, 0, 0]
    assert allocate(7, []) == []


def test_halves_are_rounded_to_even() -> None:
    halves = ["0.5", "1.5", "2.5", "-0.5", "-1.5"]
    assert [round_minor(Decimal(half)) for half in halves] == [0, 2, 2, 0, -2]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_rounding_moves_at_most_half_a_minor_unit(exact: Decimal) -> None:
    assert abs(round_minor(exact) - exact) <= Decimal("0.5")
