"""What the bakeries sell, and what their owner's own product list calls it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schemas.money import exponent

FOOD, DRINK = 0, 1


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """
    One item of the till's catalogue with its variations.

    Args:
        sizes: name, SKU ("" for none) and price in hundredths of each variation.
        tax: FOOD or DRINK.
        weighed: sold by the kilogram.
        own_name: what the tenant's product list calls it; None where it has no such product.
    """

    name: str
    sizes: tuple[tuple[str, str, int], ...]
    category: str
    tax: int = FOOD
    weighed: bool = False
    modified: bool = False
    own_name: str | None = None


def _one(name: str, sku: str, price: int, category: str, own: str | None, **more: bool) -> Good:
    return Good(
        name=name,
        sizes=(("Regular", sku, price),),
        category=category,
        own_name=own,
        weighed=more.get("weighed", False),
    )


def _cup(name: str, code: str, small: int, large: int) -> Good:
    sizes = (("Small", f"{code}-S", small), ("Large", f"{code}-L", large))
    return Good(
        name=name,
        sizes=sizes,
        category="Drinks",
        tax=DRINK,
        modified=True,
        own_name=name,
    )


ASSORTMENT: tuple[Good, ...] = (
    _one("Butter Croissant", "CRO-001", 240, "Pastry", "Butter Croissant"),
    _one("Sourdough Loaf", "BRD-001", 620, "Bread", "Sourdough Loaf 750 g"),
    _cup("Cappuccino", "COF-001", 340, 420),
    _one("Pretzel", "BRD-002", 110, "Bread", "Pretzel"),
    _one("Pain au Choclat", "", 290, "Pastry", "Pain au Chocolat"),
    _one("Cheese by Weight", "CHS-001", 2490, "Deli", "Mountain Cheese", weighed=True),
    _cup("Flat White", "COF-002", 360, 440),
    _one("Rye Bread", "BRD-003", 480, "Bread", "Rye Bread"),
    _one("Cinamon Roll", "", 320, "Pastry", "Cinnamon Roll"),
    _one("Grandma's Surprise Box", "", 1250, "Gifts", None),
    _one("Baguette", "BRD-004", 260, "Bread", "Baguette"),
    _cup("Filter Coffee", "COF-003", 260, 320),
    _one("Apple Turnover", "PAS-002", 310, "Pastry", "Apple Turnover"),
    _one("Ham by Weight", "HAM-001", 3190, "Deli", "Cooked Ham", weighed=True),
    _one("Blubery Muffin", "", 300, "Pastry", "Blueberry Muffin"),
    _one("Spelt Roll", "BRD-005", 90, "Bread", "Spelt Roll"),
    _cup("Chai Latte", "TEA-001", 390, 460),
    _one("Workshop Ticket", "", 4500, "Events", None),
    _one("Lemon Tart", "PAS-003", 450, "Cake", "Lemon Tart"),
    _one("Carrot Cake Slice", "PAS-004", 420, "Cake", "Carrot Cake, slice"),
    _one("Cookies by Weight", "COK-001", 1990, "Pastry", "Mixed Cookies", weighed=True),
    _cup("Hot Chocolate", "CHO-001", 350, 430),
    _one("Walnut Loaf", "BRD-006", 590, "Bread", "Walnut Loaf"),
    _one("Birthday Candle", "", 75, "Gifts", None),
    _one("Bagel", "BRD-007", 180, "Bread", "Bagel"),
    _one("Almond Biscotti", "PAS-005", 210, "Pastry", "Almond Biscotti"),
)

MODIFIERS: tuple[tuple[str, int], ...] = (
    ("Oat Milk", 50),
    ("Extra Shot", 80),
    ("No Foam", 0),
    ("Vanilla Syrup", 60),
)

_UNSOLD = ("Gingerbread House", "Panettone", "Stollen 1 kg", "Olive Focaccia")


class OwnProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product as the tenant's own list has it, ready for the API's bulk upsert."""

    product_id: str
    name: str
    sku: str | None = None
    category: str | None = None


def priced(hundredths: int, currency: str) -> int:
    """Return a price in the currency's minor units, as a shop there would round it."""
    match exponent(currency):
        case 0:
            return hundredths
        case 3:
            return hundredths * 3 // 5 * 5
        case _:
            return hundredths


def own_products(count: int, categories: Sequence[str] = ()) -> tuple[OwnProduct, ...]:
    """
    Return the tenant's own list for the first `count` goods.

    Most have the till's SKU; what the till has misspelt without SKU has the right name here;
    some of the till's goods are missing, and some products are never sold.
    """
    found: list[OwnProduct] = []
    for good in ASSORTMENT[:count]:
        if good.own_name is None or (categories and good.category not in categories):
            continue
        for size, sku, _ in good.sizes:
            name = good.own_name if len(good.sizes) == 1 else f"{good.own_name} ({size})"
            found.append(
                OwnProduct(
                    product_id=f"P-{len(found) + 1:04d}",
                    name=name,
                    sku=sku or None,
                    category=good.category,
                )
            )
    for name in _UNSOLD:
        found.append(OwnProduct(product_id=f"P-{len(found) + 1:04d}", name=name))
    return tuple(found)
