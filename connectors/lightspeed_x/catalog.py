"""
Products of the X-Series: each variant is one.

Source: x-series-api.lightspeedhq.com/reference (Product), .../docs/variants
"""

from __future__ import annotations

from connectors.amounts import minor
from connectors.contract import Shop
from connectors.lightspeed_x.amounts import identity, text, version
from connectors.lightspeed_x.wire import Product
from connectors.troubles import NoCurrencyError, UnreadableError
from schemas.catalogue import PosProduct
from schemas.money import exponent


def product_of(product: Product, shop: Shop) -> PosProduct:
    """
    Return a product; its price without tax, as sales have it, rounded to the currency.

    Raises:
        NoCurrencyError: the account does not say in which currency prices are.
        UnreadableError: it has no id.
    """
    if not shop.currency:
        raise NoCurrencyError
    product_id = identity(product.id)
    if product_id is None:
        raise UnreadableError("a product without id")
    price, kind = product.price_excluding_tax, product.type or product.product_type
    return PosProduct(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=product_id,
        name=text(product.variant_name) or text(product.name) or f"Product {product_id}",
        version=version(product.version),
        sku=text(product.sku) or None,
        category=(text(kind.name) or None) if kind is not None else None,
        price=None if price is None else minor(price, exponent(shop.currency), "price"),
        currency=shop.currency,
        deleted=bool(product.deleted_at) or False in {product.active, product.is_active},
    )
