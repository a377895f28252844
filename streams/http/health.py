"""Whether the process lives and can serve, and its metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from fastapi import APIRouter
from starlette.responses import Response

from streams.http.answers import json_answer
from streams.http.auth import ServicesDep
from streams.http.problems import RETRY_AFTER_S, problem
from streams.http.services import Services
from streams.log import LogUnavailableError
from streams.metrics import CONTENT_TYPE
from streams.views import NotReadyError

router = APIRouter(tags=["operation"])


@runtime_checkable
class MaybeUnavailable(Protocol):
    """A log that knows whether it takes writes without being written to."""

    def check_available(self) -> None:
        """Raise LogUnavailableError when it does not."""
        ...


@router.get("/livez", response_class=Response)
async def livez() -> Response:
    """Answer while the event loop turns."""
    return json_answer({"status": "alive"})


@router.get("/readyz", response_class=Response)
async def readyz(services: ServicesDep) -> Response:
    """Answer 200 when requests can be served, else 503 with every reason."""
    reasons = list(_reasons(services))
    if reasons:
        return problem(
            503,
            "; ".join(reasons),
            headers={"retry-after": str(RETRY_AFTER_S)},
            extra={"reasons": reasons},
        )
    answer: dict[str, object] = {"status": "ready"}
    if (staleness := services.staleness()) is not None:
        seconds = round(staleness.seconds, 1)
        answer["staleness"] = {"seconds": seconds, "behind": staleness.behind or None}
    return json_answer(answer)


def _reasons(services: Services) -> Iterator[str]:
    yield from services.problems()
    try:
        if isinstance(services.log, MaybeUnavailable):
            services.log.check_available()
    except LogUnavailableError:
        yield "the log takes no writes"
    staleness = services.staleness()
    if staleness is not None and staleness.seconds > services.settings.ready_staleness_s:
        where = f" in {staleness.behind}" if staleness.behind else ""
        yield f"the replica may be {staleness.seconds:.0f} s behind{where}"
    try:
        lag = services.lag()
    except NotReadyError:
        yield "lanes are being opened"
        return
    for (stage, topic, lane), behind in sorted(lag.items()):
        if behind > services.settings.ready_lag_records:
            yield f"{stage} is {behind} records behind in {topic}/{lane}"


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Return the metrics in Prometheus' text format."""
    services.refresh_metrics()
    return Response(services.metrics.exposition(), media_type=CONTENT_TYPE)
