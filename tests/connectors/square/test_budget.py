"""However much there is to ask, no call is made beyond what Square is known to take."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from connectors.exchange import Exchange, limiter_of
from connectors.limits import Budget
from connectors.simulation.calls import Call
from connectors.square.access import ACCESS
from connectors.square.poll import poll
from connectors.square.simulator import bakeries
from streams.providers import SquareSettings
from tests.connectors.provider import Answer, Asked, provider
from tests.connectors.square.simulated import NOW, a_square, shop_of


@pytest.mark.parametrize("limited", [True, False])
async def test_an_import_stays_within_the_budget_because_it_is_limited(
    *, limited: bool
) -> None:
    square = a_square(shops=bakeries(1), page_limit=4, days=3)
    bakery = square.config.shops[0]

    def answered(asked: Asked) -> Answer:
        call = Call(
            method=asked.method,
            path=asked.path,
            query={name: values[0] for name, values in asked.query.items()},
            headers=asked.headers,
            body=asked.body,
        )
        now = datetime.now(UTC) if limited else NOW
        response = square.handle(call, now).response
        return response.status, dict(response.headers), response.body

    usual = SquareSettings().limits(ACCESS)
    limits = usual if limited else dict.fromkeys(usual, (Budget(calls=1_000),))
    async with provider(answered) as stub:
        exchange = Exchange(
            stub.url,
            authorization=f"Bearer {bakery.token}",
            limiters={
                name: tuple(limiter_of(it) for it in several)
                for name, several in limits.items()
            },
        )
        talk = poll(shop_of(bakery), NOW - timedelta(days=9), NOW)
        async with aclosing(exchange.converse(talk)) as pages:
            brought = [page async for page in pages]
        await exchange.close()
    assert sum(len(page.bodies) for page in brought) > 100
    assert (square.over_budget == 0) is limited
