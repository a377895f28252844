"""Simulated bakeries for the tests, and conversations with them without any network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from connectors.contract import Conversation, CredentialsError, Page, Request, Response, Shop
from connectors.square.simulator import (
    Call,
    SimulatedShop,
    SimulatorConfig,
    SquareSimulator,
    bakeries,
)

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)  # the Berlin history spans a change of the clock
AGAIN = {429, 500, 502, 503}


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


def shop_of(bakery: SimulatedShop) -> Shop:
    return Shop(
        tenant_id="tenant",
        account_id=bakery.location_id,
        location_id=bakery.location_id,
        calendar=bakery.calendar,
        currency=bakery.currency,
    )


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
    found: list[Page] = []
    answer: Response | None = None
    while True:
        try:
            said = talk.send(answer)
        except StopIteration:
            return found
        answer = None
        if isinstance(said, Page):
            found.append(said)
            continue
        for _ in range(50):
            answer = ask(square, bakery, said, now)
            if answer.status not in AGAIN:
                break
        assert answer is not None
        if answer.status in {401, 403}:
            raise CredentialsError


def by_resource(found: list[Page]) -> Mapping[str, list[bytes]]:
    bodies: dict[str, list[bytes]] = {}
    for page in found:
        bodies.setdefault(page.resource, []).extend(page.bodies)
    return bodies
