"""A write is seen by the next read: wait until the tables have it."""

from __future__ import annotations

from collections.abc import Iterable

from streams.http.services import Services
from streams.views import NotReadyError, NotSettledError


async def visible(
    services: Services, lanes: Iterable[int], *, stages: Iterable[str] | None = None
) -> bool:
    """
    Wait until what was written shows; False when it takes too long: it is durable all the same.

    Args:
        stages: whom to wait for, where it is more than the stages that compute.
    """
    try:
        await services.views.settle(
            sorted(set(lanes)), services.settings.settle_timeout_s, stages=stages
        )
    except (NotSettledError, NotReadyError):
        return False
    return True
