"""The application: every route, and what is around all of them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI

from streams.http import (
    accounts,
    catalog,
    health,
    mappings,
    oauth,
    operations,
    problems,
    products,
    purchasing,
    push,
    reads,
    reconciliations,
    subscriptions,
    syncs,
    tenants,
    webhooks,
)
from streams.http.answers import openapi_of
from streams.http.middleware import BodyLimit, RequestContext
from streams.http.services import Services

__all__ = ["Services", "create_api", "create_probes"]

OPENAPI = "/api/v1/openapi.json"

_ROUTED = (
    webhooks,
    accounts,
    oauth,
    catalog,
    purchasing,
    products,
    push,
    mappings,
    syncs,
    subscriptions,
    reads,
    reconciliations,
    tenants,
    operations,
    health,
)


def create_api(services: Services) -> FastAPI:
    """Return the API over these services; it starts and stops none of them."""
    app = FastAPI(
        title="Tillstream",
        version=_version(),
        openapi_url=OPENAPI,
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    problems.register(app)
    app.add_middleware(
        BodyLimit,
        most=services.settings.body_bytes_max,
        webhooks=services.settings.webhook_bytes_max,
        path=webhooks.PATH,
    )
    app.add_middleware(RequestContext)
    for module in _ROUTED:
        app.include_router(module.router)

    def openapi() -> dict[str, Any]:
        return openapi_of(app)

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def create_probes(services: Services) -> FastAPI:
    """Return what a process without the API answers: whether it lives, and its metrics."""
    app = FastAPI(title="Tillstream", version=_version(), openapi_url=None)
    app.state.services = services
    problems.register(app)
    app.add_middleware(RequestContext)
    app.include_router(health.router)
    return app


def _version() -> str:
    try:
        return version("tillstream")
    except PackageNotFoundError:
        return "0"
