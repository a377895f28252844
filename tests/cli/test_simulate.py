from __future__ import annotations

import asyncio
import signal
import sys

import msgspec
import pytest

from connectors.contract import Request
from connectors.exchange import Exchange
from connectors.simulators import SIMULATORS
from connectors.square.simulator import ROUGH, Faults
from streams.cli.demo_settings import Wiring, variables
from streams.cli.simulate import read_faults
from streams.errors import SetupError


async def test_the_command_serves_until_sigterm_and_tells_its_sums() -> None:
    command = [sys.executable, "-m", "streams.cli", "simulate"]
    options = ["--port=0", "--seed=3", "--days=2", "--orders-per-day=10", "--json"]
    running = await asyncio.create_subprocess_exec(
        *command, "square", *options, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    said = msgspec.json.decode(await running.stdout.readline())
    shop = said["locations"][0]
    async with Exchange(said["url"], authorization=f"Bearer {shop['token']}") as way:
        totals = await way.ask(Request(method="GET", path="/totals"))
        places = await way.ask(Request(method="GET", path="/v2/locations"))
    running.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running.wait(), 5) == 0
    assert {day["location_id"] for day in msgspec.json.decode(totals.body)["days"]} == {
        one["location_id"] for one in said["locations"]
    }
    assert msgspec.json.decode(places.body)["locations"][0]["id"] == shop["location_id"]


async def test_an_unknown_provider_is_refused_with_the_known_ones() -> None:
    command = [sys.executable, "-m", "streams.cli", "simulate", "cube"]
    running = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await running.communicate()
    assert running.returncode
    assert b"square" in said


@pytest.mark.parametrize("provider", SIMULATORS)
def test_it_says_which_settings_call_it(provider: str) -> None:
    wiring = Wiring(
        url="http://127.0.0.1:8014",
        database="127.0.0.1:8015",
        webhook_url="http://127.0.0.1:8013/hook",
        secret="a-secret",
    )
    told = variables(provider, wiring)
    assert {name.partition("__")[0] for name in told} == {
        f"TILLSTREAM_{provider.replace('-', '_').upper()}"
    }
    assert any("127.0.0.1" in value for value in told.values())
    assert not any("*" in value for value in told.values())


def test_faults_are_named_in_thousandths() -> None:
    assert read_faults("") == Faults()
    assert read_faults("rough") == ROUGH
    assert read_faults("losses=20,duplicates=50") == Faults(losses=20, duplicates=50)


@pytest.mark.parametrize("text", ["lost=1", "losses", "losses=some"])
def test_an_unknown_fault_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(SetupError):
        read_faults(text)
