"""Square is told where its webhooks go, by the command line and over HTTP."""

import asyncio
import threading
from datetime import UTC, datetime

import msgspec
import pytest
from typer.testing import CliRunner

from connectors.catalogue import CONNECTORS
from connectors.square.events import EVENTS
from connectors.square.simulator import SimulatorConfig, SquareSimulator, bakeries
from streams.cli.main import app
from streams.cli.webhooks import BY_ACCOUNT, INSTEAD
from streams.simulate import serve_simulator

HERE = "https://tills.example/api/v1/pos/webhooks/square"


@pytest.fixture
def square():
    """A simulated Square on a thread of its own: commands run event loops of theirs."""
    config = SimulatorConfig(now=datetime.now(UTC), shops=bakeries(1), days=1)
    started, over = threading.Event(), threading.Event()
    told = {}

    async def serve():
        async with serve_simulator(SquareSimulator(config)) as url:
            told["url"] = url
            started.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(20)
    yield told["url"], config.shops[0].token
    over.set()
    thread.join()


@pytest.fixture
def run(square, monkeypatch):
    url, token = square
    monkeypatch.setenv("TILLSTREAM_SQUARE__BASE_URL", url)
    monkeypatch.setenv("TILLSTREAM_PUBLIC_URL", "https://tills.example")
    monkeypatch.setenv("TILLSTREAM_SQUARE_PERSONAL_TOKEN", token)
    return lambda *words: CliRunner().invoke(app, ["webhooks", *words])


def listed(run):
    answer = run("ls", "--json")
    assert answer.exit_code == 0, answer.output
    return [msgspec.json.decode(row) for row in answer.stdout.splitlines()]


def test_ensuring_again_makes_no_second_subscription(run) -> None:
    first = run("ensure")
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines() == [
        f"TILLSTREAM_SQUARE__NOTIFICATION_URL={HERE}",
        "TILLSTREAM_SQUARE__SIGNATURE_KEY=simulated-signature-key",
    ]
    assert run("ensure").stdout == ""
    (only,) = listed(run)
    assert (only["ours"], only["enabled"]) == (True, True)
    assert only["notification_url"] == HERE
    assert set(only["event_types"]) == set(EVENTS)


def test_what_leads_elsewhere_is_left_alone(run) -> None:
    other = "https://other.example/hook"
    made = msgspec.json.decode(run("ensure", "--url", other, "--json").stdout)
    assert made["notification_url"] == other
    assert made["signature_key"] == "simulated-signature-key"
    run("ensure")
    assert [one["ours"] for one in listed(run)] == [False, True]
    assert run("remove").exit_code == 0
    assert [one["notification_url"] for one in listed(run)] == [other]
    assert run("remove").exit_code == 0


def test_a_token_that_square_does_not_accept_is_one_line(run, monkeypatch) -> None:
    monkeypatch.setenv("TILLSTREAM_SQUARE_PERSONAL_TOKEN", "hush-wrong")
    answer = run("ls")
    assert answer.exit_code == 2
    assert "does not accept this token" in answer.output
    assert "hush-wrong" not in answer.output


def test_every_other_provider_has_a_word_on_what_to_do_there() -> None:
    assert set(INSTEAD) == set(CONNECTORS) - {"square", *BY_ACCOUNT}
    assert set(BY_ACCOUNT) == {"lightspeed-k", "lightspeed-x"}


@pytest.mark.parametrize("command", ["ls", "ensure", "remove"])
def test_accounts_are_asked_for_with_a_key_and_without_one_it_says_so(
    command, monkeypatch
) -> None:
    monkeypatch.delenv("TILLSTREAM_API_KEY", raising=False)
    words = ["webhooks", command, "--provider", "lightspeed-x"]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 2
    assert "set TILLSTREAM_API_KEY" in answer.stderr


def test_square_s_token_is_asked_for_and_not_shown(run, square, monkeypatch) -> None:
    monkeypatch.delenv("TILLSTREAM_SQUARE_PERSONAL_TOKEN")
    _, token = square
    answer = CliRunner().invoke(app, ["webhooks", "ls"], input=f"{token}\n")
    assert answer.exit_code == 0, answer.output
    assert token not in answer.output


@pytest.mark.parametrize("command", ["ls", "ensure", "remove"])
@pytest.mark.parametrize("provider", sorted(INSTEAD))
def test_another_provider_is_told_about_without_asking_for_a_token(command, provider) -> None:
    answer = CliRunner().invoke(app, ["webhooks", command, "--provider", provider])
    assert answer.exit_code == 2
    assert answer.stderr == f"tillstream: {provider} {INSTEAD[provider]}\n"
    assert "token" not in answer.stdout


def test_a_provider_that_is_none_is_told_which_there_are() -> None:
    answer = CliRunner().invoke(app, ["webhooks", "ensure", "--provider", "till"])
    assert answer.exit_code == 2
    assert "till is no provider; there are corepos, lightspeed-k" in answer.stderr
