"""
A provider whose clock is minutes off: regular polls by our own clock still find every sale.

CORE-POS is left out: its rows are read by their number, and no clock is asked.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.catalogue import ACCESSES
from connectors.simulation.config import Faults
from connectors.simulators import SIMULATORS
from tests.connectors.simulated import NOW, Reading, clients, days_of, simulated

INTERVAL = timedelta(minutes=15)
TRADE = timedelta(hours=2)


@pytest.mark.parametrize("skew_s", [-420, 420])
@pytest.mark.parametrize("provider", sorted(set(SIMULATORS) & set(ACCESSES)))
def test_no_sale_is_missed_though_the_provider_s_clock_is_minutes_off(
    provider: str, skew_s: int
) -> None:
    skew = timedelta(seconds=skew_s)
    simulator = simulated(
        provider,
        now=NOW + skew,
        live_seconds=int(TRADE.total_seconds()),
        days=2,
        faults=Faults(clock_skew_s=skew_s),
    )
    readings = [Reading(client) for client in clients(provider, simulator)]
    clock, mark = readings[0].client.clock, NOW
    clock.now = NOW + skew
    for reading in readings:
        reading.read_all(reading.client.poll(NOW - timedelta(days=4), NOW))
        reading.read_all(reading.client.snapshot())
    while mark < NOW + TRADE + 2 * INTERVAL:
        now = mark + INTERVAL
        simulator.release(now + skew)
        clock.now = now + skew
        for reading in readings:
            lookback = timedelta(seconds=reading.client.connector.lookback_s)
            reading.read_all(reading.client.poll(mark - lookback, now))
        mark = now
    for reading in readings:
        theirs = days_of(simulator.totals(), reading.client.place)
        assert theirs
        assert days_of(reading.figures(), reading.client.place) == theirs
