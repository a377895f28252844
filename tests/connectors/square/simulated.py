"""Simulated bakeries for the tests, and conversations with them without any network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

import msgspec

from connectors.contract import Conversation, Page, Request, Response
from connectors.square.simulator import (
    Call,
    SimulatedShop,
    SimulatorConfig,
    SquareSimulator,
    bakeries,
)
from tests.connectors.simulated import AGAIN, NOW, converse, shop_of

__all__ = ["NOW", "a_square", "ask", "by_resource", "pages", "shop_of"]


def a_square(**given: object) -> SquareSimulator:
    """Return a small one: two bakeries, a few days, short pages."""
    small = SimulatorConfig(
        now=NOW,
        shops=bakeries(2),
        days=5,
        orders_per_day=25,
        live_orders=30,
        page_limit=20,
    )
    return SquareSimulator(msgspec.structs.replace(small, **given))


class Answering:
    """The way to one bakery of a simulated Square."""

    def __init__(self, square: SquareSimulator, place: int) -> None:
        self._square, self._bakery = square, square.config.shops[place]

    async def converse(self, conversation: Conversation) -> AsyncIterator[Page]:
        for page in pages(self._square, self._bakery, conversation):
            yield page


def ask(
    square: SquareSimulator, bakery: SimulatedShop, request: Request, now: datetime = NOW
) -> Response:
    call = Call(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={"authorization": f"Bearer {bakery.token}"},
        body=request.body or b"",
    )
    return square.handle(call, now).response


def pages(
    square: SquareSimulator, bakery: SimulatedShop, talk: Conversation, now: datetime = NOW
) -> list[Page]:
    """Carry a conversation out, trying again what an exchange would try again."""

    def answered(request: Request) -> Response:
        for _ in range(50):
            answer = ask(square, bakery, request, now)
            if answer.status not in AGAIN:
                break
        return answer

    return converse(talk, answered)


def by_resource(found: list[Page]) -> Mapping[str, list[bytes]]:
    bodies: dict[str, list[bytes]] = {}
    for page in found:
        bodies.setdefault(page.resource, []).extend(page.bodies)
    return bodies
