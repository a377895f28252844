"""What may be taken for the same product, and what only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from projections.match import Rules, Shelf, Sought, Verdict, shelf_of
from schemas.catalogue import MappingType, Product
from schemas.codec import pack
from tests.projections.bakery_names import CATALOGUE, LABELLED

RULES = Rules(automatic=True, threshold=0.80, suggest=0.60, margin=0.05)


def shelf(*products: tuple[str, str | None]) -> Shelf:
    """Return a shelf of (name, SKU); the id is the place in it."""
    return shelf_of(
        pack(
            Product(
                tenant_id="t",
                product_id=str(place),
                name=name,
                sku=sku,
                updated_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
        for place, (name, sku) in enumerate(products)
    )


def judge(
    name: str, sku: str | None, *products: tuple[str, str | None], rules: Rules = RULES
) -> Verdict | None:
    return shelf(*products).judge(Sought(name, sku), rules)


def test_the_same_sku_is_certain_whatever_the_name() -> None:
    verdict = judge("Loaf", " ab-1 ", ("Loaf", None), ("Something", "AB-1"))
    assert verdict == Verdict("1", MappingType.SKU, 1.0, apply=True)


def test_a_sku_that_two_products_share_is_a_tie_that_the_name_only_suggests() -> None:
    verdict = judge("Rye Bread", "7", ("Wheat Bread", "7"), ("Rye Bread", "7"))
    assert verdict == Verdict("1", MappingType.SKU, 1.0, apply=False)


def test_an_empty_sku_is_no_sku() -> None:
    assert judge("Rye", " ", ("Candle", " ")) is None


def test_case_punctuation_and_word_order_do_not_make_another_name() -> None:
    verdict = judge("CROISSANT, Butter!", None, ("Butter Croissant", None), ("Bun", None))
    assert verdict == Verdict("0", MappingType.AUTO, 1.0, apply=True)


def test_two_products_of_one_name_are_a_tie() -> None:
    verdict = judge("Rye Bread", None, ("Rye Bread", None), ("rye bread", None))
    assert verdict is not None
    assert (verdict.confidence, verdict.apply) == (1.0, False)


def test_a_near_tie_is_only_suggested() -> None:
    verdict = judge("Pretzel Rol", None, ("Pretzel Roll", None), ("Pretzel Role", None))
    assert verdict is not None
    assert verdict.confidence > RULES.threshold
    assert not verdict.apply


def test_the_one_identical_name_is_no_near_tie() -> None:
    verdict = judge("Pretzel Roll", None, ("Pretzel Roll", None), ("Pretzel Rolls", None))
    assert verdict == Verdict("0", MappingType.AUTO, 1.0, apply=True)


def test_another_size_is_another_product_however_alike_the_name() -> None:
    verdict = judge("Sourdough Loaf 2kg", None, ("Sourdough Loaf 1kg", None))
    assert verdict is not None
    assert verdict.confidence > RULES.threshold
    assert not verdict.apply
    chosen = judge("Loaf 500g", None, ("Loaf 500 g", None), ("Loaf 100g", None))
    assert chosen is not None
    assert (chosen.product_id, chosen.apply) == ("0", True)


def test_between_the_thresholds_a_name_is_suggested_and_below_them_nothing_is() -> None:
    near = judge("Raspberry Muffin", None, ("Blueberry Muffin", None))
    assert near is not None
    assert RULES.suggest <= near.confidence < RULES.threshold
    assert not near.apply
    assert judge("Raspberry Muffin", None, ("Espresso", None)) is None


def test_with_automatic_mapping_off_everything_is_a_suggestion() -> None:
    off = msgspec.structs.replace(RULES, automatic=False)
    by_sku = judge("Rye", "1", ("Rye", "1"), rules=off)
    by_name = judge("Rye", None, ("Rye", None), rules=off)
    assert by_sku is not None
    assert by_name is not None
    assert not by_sku.apply
    assert not by_name.apply


@pytest.mark.parametrize("name", ["", "!!!", "  "])
def test_a_name_without_letters_matches_nothing(name: str) -> None:
    assert judge(name, None, ("Rye", None), ("!", None)) is None


def test_on_labelled_names_precision_and_recall_hold() -> None:
    choices = shelf(*((name, None) for name in CATALOGUE))
    right = wrong = missed = suggested = 0
    for name, wanted in LABELLED:
        verdict = choices.judge(Sought(name, None), RULES)
        found = CATALOGUE[int(verdict.product_id)] if verdict else None
        if verdict and verdict.apply:
            right += found == wanted
            wrong += found != wanted
        else:
            missed += wanted is not None
            suggested += wanted is not None and found == wanted
    precision, recall = right / (right + wrong), right / (right + missed)
    assert precision >= 0.94, (right, wrong)
    assert recall == 1.0, (missed, suggested)
