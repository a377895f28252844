"""
The shop's products out of Square's catalogue: each variation of an item is one product.

Source: developer.squareup.com/reference/square/objects/CatalogObject, .../CatalogItem,
.../CatalogItemVariation
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Raw
from msgspec.json import Decoder

from connectors.contract import Shop
from connectors.square.names import product_name
from connectors.square.wire import Id, Money, Version, Wire
from connectors.troubles import WrongCurrencyError
from schemas.catalogue import PosProduct


class Reference(Wire, frozen=True, gc=False, kw_only=True):
    """The id of another object."""

    id: str | None = None


class LocationPrice(Wire, frozen=True, gc=False, kw_only=True):
    """A variation's price at one location."""

    location_id: str | None = None
    price_money: Money | None = None
    pricing_type: str | None = None


class VariationData(Wire, frozen=True, gc=False, kw_only=True):
    """What is sold and counted."""

    item_id: str | None = None
    name: str | None = None
    sku: str | None = None
    pricing_type: str | None = None
    price_money: Money | None = None
    location_overrides: list[LocationPrice] | None = None


class CategoryData(Wire, frozen=True, gc=False, kw_only=True):
    """A category's name."""

    name: str | None = None


class Variation(Wire, frozen=True, gc=False, kw_only=True):
    """A variation, as it stands inside its item."""

    id: Id
    version: Version = 0
    is_deleted: bool = False
    item_variation_data: VariationData | None = None


class ItemData(Wire, frozen=True, gc=False, kw_only=True):
    """What the variations of an item share."""

    name: str | None = None
    category_id: str | None = None
    reporting_category: Reference | None = None
    categories: list[Reference] | None = None
    variations: list[Variation] | None = None


class CatalogObject(Wire, frozen=True, gc=False, kw_only=True):
    """An object of the catalogue, of any type."""

    type: str
    id: Id
    version: Version = 0
    is_deleted: bool = False
    item_data: ItemData | None = None
    item_variation_data: VariationData | None = None
    category_data: CategoryData | None = None


_OBJECT = Decoder(CatalogObject)
_OBJECTS = Decoder(list[CatalogObject])


def one_object(body: bytes | Raw) -> list[CatalogObject]:
    """Decode a bare object."""
    return [_OBJECT.decode(body)]


def many_objects(body: Raw) -> list[CatalogObject]:
    """Decode a list of objects; no bytes are an empty one."""
    return _OBJECTS.decode(body) if body else []


def products(
    objects: Sequence[CatalogObject], related: Iterable[CatalogObject], shop: Shop
) -> tuple[PosProduct, ...]:
    """
    Return the products that these objects tell of.

    A variation alone is told only where its item is known too, or where it is deleted: without
    the item it has no name.

    Raises:
        WrongCurrencyError: a price is not in the shop's currency.
    """
    known = {one.id: one for one in (*related, *objects)}
    found: dict[str, PosProduct] = {}
    for one in objects:
        if one.type == "ITEM":
            for variation in (one.item_data or ItemData()).variations or ():
                product = _product(one, variation, known, shop)
                found[product.pos_product_id] = product
        elif one.type == "ITEM_VARIATION":
            data = one.item_variation_data or VariationData()
            item = known.get(data.item_id or "")
            if item is not None or one.is_deleted:
                alone = Variation(
                    id=one.id,
                    version=one.version,
                    is_deleted=one.is_deleted,
                    item_variation_data=data,
                )
                found.setdefault(one.id, _product(item, alone, known, shop))
    return tuple(found.values())


def _product(
    item: CatalogObject | None,
    variation: Variation,
    known: dict[str, CatalogObject],
    shop: Shop,
) -> PosProduct:
    data = variation.item_variation_data or VariationData()
    shared = (item.item_data if item is not None else None) or ItemData()
    price = _price(data, shop)
    if price is not None and shop.currency and price.currency not in {None, shop.currency}:
        raise WrongCurrencyError(price.currency or "", shop.currency)
    return PosProduct(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=variation.id,
        name=product_name(shared.name, data.name, only=len(shared.variations or ()) == 1),
        # A renamed item changes its own version only; a product is as new as the newer of both.
        version=max(variation.version, item.version if item is not None else 0),
        sku=data.sku or None,
        category=_category(shared, known),
        price=price.amount if price is not None else None,
        currency=price.currency or shop.currency if price is not None else shop.currency,
        deleted=variation.is_deleted or (item is not None and item.is_deleted),
    )


def _price(data: VariationData, shop: Shop) -> Money | None:
    """Return the price at this shop; None where the cashier types it in."""
    for place in data.location_overrides or ():
        if place.location_id == shop.location_id and shop.location_id:
            if place.pricing_type == "VARIABLE_PRICING":
                return None
            if place.price_money is not None:
                return place.price_money
    return None if data.pricing_type == "VARIABLE_PRICING" else data.price_money


def _category(item: ItemData, known: dict[str, CatalogObject]) -> str | None:
    """Return the category's name where the same body tells it; an id is no name."""
    reporting = item.reporting_category.id if item.reporting_category is not None else None
    ids = [reporting, *(one.id for one in item.categories or ()), item.category_id]
    for one in ids:
        category = known.get(one or "")
        if category is not None and category.category_data is not None:
            return category.category_data.name or None
    return None
