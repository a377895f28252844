"""
Attempts of merchants to let us in by the browser, as the log has them.

The browser may begin at one process and come back to another, so nothing of an attempt is only
in memory. That it is used once follows from the order of its partition: whoever wants to go on
appends a claim and reads the partition up to it, and the first claim there wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from connectors.consent import new_id
from schemas import topics
from schemas.authorization import Authorization, AuthorizationStep, following
from schemas.codec import decode, encode
from streams.log import TP, EventLog, LogUnavailableError, Out, Record, lane_of
from streams.tail import Tail, partitions

KEPT = timedelta(days=1)
"""How long an attempt that is over is remembered, so that it can be asked how it ended."""

LOOK_S = 0.05
LOOKS = 30
"""An attempt that another process has just begun may not have been read here yet."""


class Authorizations:
    """Follows `pos.authorizations`; all of it, in every process that serves."""

    def __init__(
        self,
        log: EventLog,
        clock: Callable[[], datetime],
        *,
        lanes: int,
        timeout_s: float = 5.0,
    ) -> None:
        self._log = log
        self._clock = clock
        self._lanes = lanes
        self._timeout_s = timeout_s
        self._known: dict[str, Authorization] = {}
        self._tail = Tail(log, {topics.AUTHORIZATIONS: self._take}, name="authorizations")

    async def start(self) -> None:
        """Read all there is, then follow."""
        bounds = await self._log.bounds(partitions([topics.AUTHORIZATIONS], self._lanes))
        await self._tail.start({TP(*tp): begin for tp, (begin, _) in bounds.items()})

    async def stop(self) -> None:
        """Stop following."""
        await self._tail.stop()

    def get(self, authorization_id: str) -> Authorization | None:
        """Return an attempt as far as this process knows it."""
        return self._known.get(authorization_id)

    async def find(self, authorization_id: str) -> Authorization | None:
        """Return an attempt; one that is not known here is waited for, a moment."""
        for _ in range(LOOKS):
            found = self._known.get(authorization_id)
            if found is not None:
                return found
            await asyncio.sleep(LOOK_S)
        return None

    async def put(self, authorization: Authorization) -> None:
        """
        Write how an attempt stands, durably, and wait until it is known here.

        Raises:
            LogUnavailableError: it may not be durable.
        """
        tenant = authorization.tenant_id.encode()
        lane = lane_of(tenant, self._lanes)
        key = authorization.authorization_id.encode()
        out = Out(key, encode(authorization), (), lane)
        (place, *_) = await self._log.append(topics.AUTHORIZATIONS, [out])
        try:
            tp = TP(topics.AUTHORIZATIONS, place.partition)
            await self._tail.reached(tp, place.offset, self._timeout_s)
        except TimeoutError:
            raise LogUnavailableError("what was written cannot be read back yet") from None

    async def claim(self, authorization: Authorization) -> Authorization | None:
        """
        Take the sole right to go on with an attempt; None when another has it.

        Raises:
            LogUnavailableError: nobody knows; the attempt is over.
        """
        claimed = replace(authorization, step=AuthorizationStep.CLAIMED, claimed_by=new_id())
        await self.put(claimed)
        known = self._known.get(authorization.authorization_id)
        won = known is not None and known.claimed_by == claimed.claimed_by
        return claimed if won else None

    def _take(self, record: Record) -> None:
        if record.value is None:
            return
        told = decode(Authorization, record.value)
        stands = following(self._known.get(told.authorization_id), told)
        if stands is not None:
            self._known[told.authorization_id] = stands
        over = self._clock() - KEPT
        while self._known:
            oldest = next(iter(self._known.values()))
            if oldest.expires_at >= over:
                break
            del self._known[oldest.authorization_id]
