"""What Square's catalogue and stock bodies tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.contract import Parts, Rejected
from schemas.catalogue import CountKind
from tests.connectors.golden import BAKERY
from tests.connectors.square.bodies import MORNING, Json, a_webhook, eur, read


def told(body: Json) -> Parts:
    outcome = read(body)
    assert isinstance(outcome, Parts), outcome
    return outcome


# --- products

TEA: Json = {
    "type": "ITEM",
    "id": "ITEM",
    "version": 20,
    "item_data": {
        "name": "Tee",
        "categories": [{"id": "CAT"}],
        "variations": [
            {
                "type": "ITEM_VARIATION",
                "id": "SMALL",
                "version": 10,
                "item_variation_data": {
                    "name": "Regular",
                    "sku": "T-1",
                    "pricing_type": "FIXED_PRICING",
                    "price_money": eur(250),
                    "location_overrides": [
                        {"location_id": "LBAKERY01", "price_money": eur(270)},
                        {"location_id": "OTHER", "price_money": eur(990)},
                    ],
                },
            },
            {
                "type": "ITEM_VARIATION",
                "id": "LARGE",
                "version": 30,
                "is_deleted": True,
                "item_variation_data": {"name": "Groß", "pricing_type": "VARIABLE_PRICING"},
            },
        ],
    },
}
CATEGORY = {"type": "CATEGORY", "id": "CAT", "category_data": {"name": "Getränke"}}


def test_every_variation_of_an_item_is_a_product() -> None:
    small, large = told({"objects": [TEA], "related_objects": [CATEGORY]}).products
    assert (small.pos_product_id, small.name, small.sku) == ("SMALL", "Tee", "T-1")
    assert (small.price, small.currency, small.category) == (270, "EUR", "Getränke")
    assert (small.version, small.deleted) == (20, False)
    assert (large.pos_product_id, large.name, large.price) == ("LARGE", "Tee (Groß)", None)
    assert (large.version, large.deleted) == (30, True)


def test_a_category_known_only_by_its_id_is_no_name() -> None:
    assert {product.category for product in told(TEA).products} == {None}


def test_the_only_variation_of_an_item_is_called_like_the_item() -> None:
    item: Any = TEA["item_data"]
    alone = {**TEA, "item_data": {**item, "variations": item["variations"][1:]}}
    assert [product.name for product in told(alone).products] == ["Tee"]


def test_a_deleted_item_or_variation_is_a_deleted_product() -> None:
    gone = told({"objects": [{**TEA, "is_deleted": True}]}).products
    assert [product.deleted for product in gone] == [True, True]
    alone = {"type": "ITEM_VARIATION", "id": "OLD", "version": 5, "is_deleted": True}
    assert [p.pos_product_id for p in told({"objects": [alone]}).products] == ["OLD"]
    assert told({"object": {**alone, "is_deleted": False}}).products == ()


def test_a_price_in_another_currency_is_the_wrong_one() -> None:
    outcome = read(TEA, msgspec.structs.replace(BAKERY, currency="USD"))
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "wrong-currency"


# --- stock


def a_count(**more: Any) -> Json:
    return {
        "catalog_object_id": "SMALL",
        "catalog_object_type": "ITEM_VARIATION",
        "state": "IN_STOCK",
        "location_id": "LBAKERY01",
        "quantity": "12.50",
        "calculated_at": MORNING,
        **more,
    }


def test_a_calculated_count_is_a_count_at_its_own_time() -> None:
    for body in (
        a_webhook("inventory.count.updated", inventory_counts=[a_count()]),
        {"counts": [a_count()]},
        a_count(),
    ):
        (count,) = told(body).counts
        assert (count.pos_product_id, count.quantity) == ("SMALL", "12.5")
        assert (count.kind, count.physical) == (CountKind.COUNT, False)
        assert count.counted_at == datetime(2026, 5, 4, 6, 10, tzinfo=UTC)


def test_the_same_count_has_the_same_id_and_another_count_another() -> None:
    ids = [
        told({"counts": [count]}).counts[0].count_id
        for count in (a_count(), a_count(), a_count(quantity="9"), a_count(quantity="-3"))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_waste_and_other_places_are_no_stock_of_this_shop() -> None:
    others = [a_count(state="WASTE"), a_count(location_id="OTHER")]
    others.append(a_count(catalog_object_type="ITEM"))
    assert told({"counts": others}).counts == ()


def a_move(**more: Any) -> Json:
    return {
        "type": "ADJUSTMENT",
        "adjustment": {
            "id": "MOVE",
            "catalog_object_id": "SMALL",
            "catalog_object_type": "ITEM_VARIATION",
            "location_id": "LBAKERY01",
            "quantity": "4",
            "occurred_at": MORNING,
            **more,
        },
    }


@pytest.mark.parametrize(
    ("move", "quantity"),
    [
        ({"from_state": "NONE", "to_state": "IN_STOCK"}, "4"),
        ({"from_state": "IN_STOCK", "to_state": "WASTE"}, "-4"),
        ({"from_state": "IN_STOCK", "to_state": "NONE"}, "-4"),
        ({"from_state": "IN_STOCK", "to_state": "SOLD"}, None),
        ({"from_state": "RETURNED_BY_CUSTOMER", "to_state": "IN_STOCK"}, None),
        ({"from_state": "UNLINKED_RETURN", "to_state": "IN_STOCK"}, None),
        ({"from_state": "IN_STOCK", "to_state": "NONE", "transaction_id": "T"}, None),
        ({"from_state": "NONE", "to_state": "IN_STOCK", "physical_count_id": "C"}, None),
        ({"from_state": "WASTE", "to_state": "NONE"}, None),
        ({"from_state": "NONE", "to_state": "IN_STOCK", "location_id": "OTHER"}, None),
    ],
)
def test_an_adjustment_moves_stock_unless_a_sale_or_a_count_already_does(
    move: Json, quantity: str | None
) -> None:
    found = [
        (count.kind, count.quantity) for count in told({"changes": [a_move(**move)]}).counts
    ]
    assert found == ([] if quantity is None else [(CountKind.MOVEMENT, quantity)])


@pytest.mark.parametrize(
    ("source", "target", "quantity"),
    [("LBAKERY01", "B", "-2"), ("B", "LBAKERY01", "2"), ("B", "C", None)],
)
def test_a_transfer_leaves_one_place_and_arrives_at_another(
    source: str, target: str, quantity: str | None
) -> None:
    transfer = {
        "id": "T",
        "state": "IN_STOCK",
        "from_location_id": source,
        "to_location_id": target,
        "catalog_object_id": "SMALL",
        "quantity": "2",
        "occurred_at": MORNING,
    }
    counts = told({"type": "TRANSFER", "transfer": transfer}).counts
    assert [count.quantity for count in counts] == ([] if quantity is None else [quantity])


def test_a_physical_count_is_a_count_that_somebody_made() -> None:
    body = {
        "type": "PHYSICAL_COUNT",
        "physical_count": {
            "id": "PC",
            "catalog_object_id": "SMALL",
            "state": "IN_STOCK",
            "location_id": "LBAKERY01",
            "quantity": "7",
            "occurred_at": MORNING,
        },
    }
    (count,) = told({"changes": [body]}).counts
    assert (count.kind, count.quantity, count.physical) == (CountKind.COUNT, "7", True)
