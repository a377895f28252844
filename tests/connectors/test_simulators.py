"""
What every simulated provider that is called by HTTP must do, whatever it speaks.

Our own reading of its words is compared with the sums it made before it said any.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from connectors.catalogue import ACCESSES
from connectors.contract import Rejected, SigningKey
from connectors.simulation.chance import Chance
from connectors.simulation.config import ROUGH, Faults
from connectors.simulation.simulator import Simulator
from connectors.simulators import SIMULATORS
from tests.connectors.simulated import (
    LOGINS,
    NOW,
    Reading,
    bodies,
    clients,
    days_of,
    finished,
    simulated,
    spread,
)

PROVIDERS = [name for name in SIMULATORS if name in ACCESSES]
SINCE = NOW - timedelta(days=8)
MESSY = Faults(duplicates=200, losses=150, delayed=300)

every_provider = pytest.mark.parametrize("provider", PROVIDERS)


def readings_of(provider: str, simulator: Simulator) -> list[Reading]:
    return [Reading(client) for client in clients(provider, simulator)]


def polled(reading: Reading, *times: datetime) -> None:
    """Read the catalogue, then what changed between each two of these times."""
    reading.read_all(reading.client.snapshot())
    for since, until in pairwise(times):
        reading.read_all(reading.client.poll(since, until))


def compare(simulator: Simulator, readings: Sequence[Reading]) -> None:
    totals = simulator.totals()
    for reading in readings:
        refused = [it for it in reading.outcomes if isinstance(it, Rejected)]
        assert refused == []
        place = reading.client.place
        assert days_of(reading.figures(), place) == days_of(totals, place)
    assert getattr(simulator, "over_budget", 0) == 0


@every_provider
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_polled_in_windows_sums_up_to_what_was_sold(provider: str, seed: int) -> None:
    simulator = finished(simulated(provider, seed=seed))
    readings = readings_of(provider, simulator)
    for reading in readings:
        polled(reading, SINCE, NOW - timedelta(days=2), NOW, simulator.ends + timedelta(days=1))
    compare(simulator, readings)


@every_provider
def test_a_bad_day_of_the_api_loses_nothing(provider: str) -> None:
    simulator = finished(simulated(provider, seed=4, faults=ROUGH))
    readings = readings_of(provider, simulator)
    for reading in readings:
        polled(reading, SINCE, simulator.ends + timedelta(days=1))
    compare(simulator, readings)
    assert any(reading.client.troubles for reading in readings)


@every_provider
@pytest.mark.parametrize("seed", [5, 6])
def test_webhooks_in_any_order_and_a_poll_sum_up_to_what_was_sold(
    provider: str, seed: int
) -> None:
    simulator = simulated(provider, seed=seed, faults=MESSY)
    readings = readings_of(provider, simulator)
    for reading in readings:
        polled(reading, SINCE, simulator.config.now + timedelta(milliseconds=1))
    compare(simulator, readings)
    deliveries = [delivery for _, delivery in simulator.deliveries()]
    Chance(seed, "order").shuffle(deliveries)
    spread(deliveries, readings)
    for reading in readings:
        polled(reading, simulator.config.now, simulator.ends + timedelta(days=1))
    compare(simulator, readings)


@every_provider
def test_what_a_business_day_brings_when_it_is_asked_for_again_is_that_day(
    provider: str,
) -> None:
    simulator = finished(simulated(provider, seed=9))
    for reading in readings_of(provider, simulator):
        client, place = reading.client, reading.client.place
        ours: dict[str, object] = {}
        for day in simulator.totals().of(place.location_id):
            again = Reading(client)
            again.read_all(bodies(client.pages(client.connector.day(client.shop, day))))
            found = days_of(again.figures(), place)
            ours |= {name: found[name] for name in found if name == day.isoformat()}
        assert ours == days_of(simulator.totals(), place)


@every_provider
def test_each_webhook_is_authentic_only_with_its_secret(provider: str) -> None:
    simulator = simulated(provider)
    connector = clients(provider, simulator)[0].connector
    secret = f"{LOGINS.get(provider, '')}{simulator.config.signature_key}"
    good, bad = SigningKey(secret), SigningKey("another")
    for _, delivery in simulator.deliveries():
        assert connector.authentic(delivery, (good,), simulator.ends)
        assert not connector.authentic(delivery, (bad,), simulator.ends)


def told(provider: str, seed: int) -> list[bytes]:
    """Return all that a simulator says."""
    simulator = simulated(provider, seed=seed, faults=MESSY)
    said = [delivery.body for _, delivery in simulator.deliveries()]
    for client in clients(provider, simulator):
        found = client.snapshot() + client.poll(SINCE, simulator.ends)
        said += [body for _, body in found]
    return said


@every_provider
def test_the_same_seed_says_the_same_and_another_does_not(provider: str) -> None:
    assert told(provider, 7) == told(provider, 7)
    assert told(provider, 7) != told(provider, 8)
