"""Tenants and their API keys: routes of the operator, by the admin key."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Depends, Path
from msgspec.structs import replace
from starlette.responses import Response

from schemas.account import Tenant
from streams.directory import UNCLAIMED, new_api_key
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import ServicesDep, admin_of
from streams.http.forms import PAGE, Cursor, Limit, NewKey, NewTenant
from streams.http.paging import page_of_list, question_of
from streams.http.problems import ProblemError, not_found
from streams.http.services import Services

KEYS_MAX = 50

logger = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"], dependencies=[Depends(admin_of)])

TenantId = Annotated[str, Path(max_length=64)]
Prefix = Annotated[str, Path(max_length=64)]


class KeyView(msgspec.Struct, kw_only=True):
    """A key as people tell it apart; the key itself is shown once, when it is made."""

    prefix: str
    name: str
    created_at: datetime


class TenantView(msgspec.Struct, kw_only=True):
    """A tenant and its keys."""

    tenant_id: str
    name: str
    created_at: datetime
    api_keys: list[KeyView]


class KeyMade(msgspec.Struct, kw_only=True):
    """A new key: `api_key` is told this once and kept nowhere."""

    tenant_id: str
    api_key: str
    prefix: str
    name: str


def _shown(tenant: Tenant) -> TenantView:
    return msgspec.convert(tenant, TenantView, from_attributes=True)


@router.post("", responses=one(KeyMade, 201), response_class=Response, status_code=201)
async def create_tenant(form: NewTenant, services: ServicesDep) -> Response:
    """Create a tenant with a data key of its own and a first API key; 409 when it exists."""
    tenant_id = form.tenant_id or f"t-{token_hex(6)}"
    if await services.directory.create_tenant(tenant_id, form.name) is None:
        raise ProblemError(409, "there is a tenant with this id")
    logger.info("tenant_created", tenant_id=tenant_id)
    return await _make_key(services, tenant_id, "default")


@router.get("", responses=many(TenantView), response_class=Response)
async def list_tenants(
    services: ServicesDep, limit: Limit = PAGE, cursor: Cursor = None
) -> Response:
    """List tenants by id."""
    tenants, following = page_of_list(
        services.directory.tenants(),
        lambda tenant: tenant.tenant_id,
        limit=limit,
        question=question_of("tenants"),
        cursor=cursor,
    )
    return listed([_shown(tenant) for tenant in tenants], following)


@router.post(
    "/{tenant_id}/keys", responses=one(KeyMade, 201), response_class=Response, status_code=201
)
async def create_key(tenant_id: TenantId, form: NewKey, services: ServicesDep) -> Response:
    """Make a further key; at most 50 a tenant."""
    tenant = services.directory.tenant(tenant_id)
    if tenant is None or tenant_id == UNCLAIMED:
        raise not_found("tenant")
    if len(tenant.api_keys) >= KEYS_MAX:
        raise ProblemError(409, "the tenant has 50 keys; withdraw one first")
    return await _make_key(services, tenant_id, form.name)


async def _make_key(services: Services, tenant_id: str, name: str) -> Response:
    text, key = new_api_key(name, services.clock())
    changed = await services.directory.change_tenant(
        tenant_id, lambda known: replace(known, api_keys=(*known.api_keys, key))
    )
    if changed is None:
        raise not_found("tenant")
    made = KeyMade(tenant_id=tenant_id, api_key=text, prefix=key.prefix, name=name)
    return json_answer(made, 201, {"cache-control": "no-store"})


@router.delete("/{tenant_id}/keys/{prefix}", status_code=204, response_class=Response)
async def delete_key(tenant_id: TenantId, prefix: Prefix, services: ServicesDep) -> Response:
    """Withdraw a key, named by its prefix (the part between the underscores)."""
    tenant = services.directory.tenant(tenant_id)
    if tenant is None or all(key.prefix != prefix for key in tenant.api_keys):
        raise not_found("key")
    await services.directory.change_tenant(
        tenant_id,
        lambda known: replace(
            known, api_keys=tuple(key for key in known.api_keys if key.prefix != prefix)
        ),
    )
    logger.info("api_key_withdrawn", tenant_id=tenant_id, prefix=prefix)
    return Response(status_code=204)
