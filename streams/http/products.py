"""The tenant's own products: what POS products are mapped to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from starlette.responses import Response

from schemas import topics
from schemas.catalogue import Product
from schemas.codec import encode, unpack
from streams.directory import Caller
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import CallerDep, ServicesDep
from streams.http.forms import PAGE, Cursor, Limit, ProductForm, Products
from streams.http.paging import page, question_of
from streams.http.problems import not_found
from streams.http.services import Services
from streams.http.visibility import visible
from streams.log import Out
from streams.spans import Span

TABLE = "match.products"
APPENDED_AT_ONCE = 1000

router = APIRouter(prefix="/api/v1/pos/products", tags=["products"])

ProductId = Annotated[str, Path(max_length=192)]


class Upserted(msgspec.Struct, kw_only=True):
    """What became of the products sent; unchanged ones were not written again."""

    received: int
    created: int
    updated: int
    unchanged: int
    visible: bool = True


def product_key(caller: Caller, product_id: str) -> bytes:
    """Return the key of a product's row."""
    return f"{caller.tenant.tenant_id}/{product_id}".encode()


def product_of(services: Services, caller: Caller, product_id: str) -> Product | None:
    """Return one of the caller's products."""
    lane = services.directory.lane(caller.tenant.tenant_id)
    row = services.views.get(TABLE, lane, [product_key(caller, product_id)])[0]
    return None if row is None else unpack(Product, row)


@router.put("", responses=one(Upserted, 200, 202), response_class=Response)
async def upsert(form: Products, services: ServicesDep, caller: CallerDep) -> Response:
    """
    Create or replace up to 5,000 products; the same request twice changes nothing.

    Sold POS products that are unmapped are matched against them at once.
    """
    lane = services.directory.lane(caller.tenant.tenant_id)
    keys = [product_key(caller, given.product_id) for given in form.products]
    now = services.clock()
    outs, created = [], 0
    known = services.views.get(TABLE, lane, keys)
    for key, given, row in zip(keys, form.products, known, strict=True):
        old = None if row is None else unpack(Product, row)
        if old is None or not _same(old, given):
            product = Product(
                tenant_id=caller.tenant.tenant_id, updated_at=now, **given.model_dump()
            )
            outs.append(Out(key, encode(product), (), lane))
            created += old is None
    for some in _batches(outs):
        await services.log.append(topics.PRODUCTS, some)
    lanes = [lane, *map(services.directory.lane, _account_ids(services, caller))]
    seen = await visible(services, lanes) if outs else True
    answer = Upserted(
        received=len(keys),
        created=created,
        updated=len(outs) - created,
        unchanged=len(keys) - len(outs),
        visible=seen,
    )
    return json_answer(answer, 200 if seen else 202)


def _batches(outs: list[Out]) -> list[list[Out]]:
    return [outs[i : i + APPENDED_AT_ONCE] for i in range(0, len(outs), APPENDED_AT_ONCE)]


def _account_ids(services: Services, caller: Caller) -> list[str]:
    """Matching writes into the lanes of the accounts."""
    accounts = services.directory.accounts_of(caller.tenant.tenant_id)
    return [account.account_id for account in accounts]


def _same(product: Product, given: ProductForm) -> bool:
    return (product.name, product.sku, product.category) == (
        given.name,
        given.sku,
        given.category,
    )


@router.get("", responses=many(Product), response_class=Response)
async def list_products(
    services: ServicesDep, caller: CallerDep, limit: Limit = PAGE, cursor: Cursor = None
) -> Response:
    """List the tenant's products by id."""
    tenant = caller.tenant.tenant_id
    found = page(
        services.views,
        TABLE,
        [Span(services.directory.lane(tenant), f"{tenant}/".encode())],
        limit=limit,
        question=question_of("products", tenant),
        cursor=cursor,
    )
    return listed([unpack(Product, row) for _, row in found.rows], found.cursor)


@router.get("/{product_id}", responses=one(Product), response_class=Response)
async def get_product(
    product_id: ProductId, services: ServicesDep, caller: CallerDep
) -> Response:
    """Return one product."""
    product = product_of(services, caller, product_id)
    if product is None:
        raise not_found("product")
    return json_answer(product)


@router.delete("/{product_id}", responses=one(Product, 200, 202), response_class=Response)
async def delete_product(
    product_id: ProductId, services: ServicesDep, caller: CallerDep
) -> Response:
    """Delete a product; mappings to it stay, so that what was sold keeps its name."""
    product = product_of(services, caller, product_id)
    if product is None:
        raise not_found("product")
    lane = services.directory.lane(caller.tenant.tenant_id)
    gone = Out(product_key(caller, product_id), None, (), lane)
    await services.log.append(topics.PRODUCTS, [gone])
    return json_answer(product, 200 if await visible(services, [lane]) else 202)
