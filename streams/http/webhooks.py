"""
Webhooks of providers: verified on the raw bytes before anything is parsed.

A 2xx means that the delivery is durable in the log. What is wrong on our side is a 503, so that
the provider tries again; a 4xx would make it give up or switch the subscription off.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from connectors.contract import Connector, Delivery
from streams.errors import SetupError
from streams.http.answers import json_answer
from streams.http.auth import ServicesDep
from streams.http.problems import ProblemError, not_found, unavailable
from streams.http.services import Services
from streams.log import LogUnavailableError

PATH = "/api/v1/pos/webhooks/"

logger = structlog.get_logger(__name__)
router = APIRouter(prefix=PATH.rstrip("/"), tags=["webhooks"])

_OUTCOMES = {401: "unsigned", 413: "too_large", 503: "unavailable"}


@router.post("/{provider}", status_code=202, response_class=Response)
async def deliver(provider: str, request: Request, services: ServicesDep) -> Response:
    """Take a provider's delivery: 202 once it is durable, 401 unsigned, 413 too large, 503."""
    connector = services.connectors.get(provider)
    if connector is None:
        raise not_found("provider")
    began = time.perf_counter()
    outcome = "failed"
    try:
        outcome = await _take(services, connector, request)
    except (ProblemError, HTTPException) as error:
        status = error.status if isinstance(error, ProblemError) else error.status_code
        outcome = _OUTCOMES.get(status, "refused")
        raise
    finally:
        services.metrics.webhook(provider, outcome, time.perf_counter() - began)
    return json_answer({"accepted": True}, 202)


async def _take(services: Services, connector: Connector, request: Request) -> str:
    """Verify and append; return the outcome as the metrics name it."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "the body ended early") from None
    delivery = Delivery(
        headers={name.lower(): value for name, value in request.headers.items()},
        url="",
        body=body,
    )
    _verify(services, connector, delivery, str(request.url))
    writing = asyncio.ensure_future(
        services.ingest.delivered(connector, body, delivery.headers)
    )
    writing.add_done_callback(_seen)
    try:
        # shielded: an append under way may still become durable, and then it must count
        async with asyncio.timeout(services.settings.append_timeout_s):
            raw_ids, routed = await asyncio.shield(writing)
    except (LogUnavailableError, TimeoutError, SetupError) as error:
        logger.warning("webhook_not_durable", provider=connector.provider, error=str(error))
        raise unavailable("the delivery is not durable yet; send it again") from error
    structlog.contextvars.bind_contextvars(raw_id=raw_ids[0])
    logger.debug("webhook_accepted", provider=connector.provider, routed=routed)
    return "accepted" if routed else "unroutable"


def _seen(writing: asyncio.Future[tuple[list[str], bool]]) -> None:
    """Look at an error that came after the answer, or asyncio complains of it."""
    if not writing.cancelled():
        writing.exception()


def _verify(
    services: Services, connector: Connector, delivery: Delivery, url_as_called: str
) -> None:
    keys, url = services.signing(connector.provider)
    if not keys:
        logger.error("webhook_signing_key_missing", provider=connector.provider)
        raise unavailable("webhooks of this provider are not set up")
    signed = Delivery(delivery.headers, url or url_as_called, delivery.body)
    if not connector.authentic(signed, keys, services.clock()):
        raise ProblemError(401, "the signature is missing or does not fit")
