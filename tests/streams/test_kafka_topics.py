"""`tillstream topics`: wrong topics are named, and set right where that loses nothing."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from schemas import topics as names
from schemas.topics import CATALOGUE
from streams.cli.topics import app
from streams.kafka.clients import Clients
from streams.kafka.log import KafkaLog
from streams.kafka.options import parse
from streams.kafka.security import Security
from streams.log import TP, Out
from streams.operations.tailing import positions_from, tail
from streams.topics import all_topics

pytestmark = pytest.mark.kafka

LANES = 3


@pytest.fixture
def lanes(kafka, monkeypatch):
    monkeypatch.setenv("TILLSTREAM_LOG", kafka.url())
    monkeypatch.setenv("TILLSTREAM_LANES", str(LANES))
    return monkeypatch


def run(*arguments: str, status: int = 0) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == status, (result.output, result.exception)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def setting(kafka, topic: str, name: str) -> str:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    answer = kafka.admin.describe_configs([resource], config_filter="all")
    return answer["topic"][topic][name]["value"]


def becomes(kafka, topic: str, name: str, value: str) -> None:
    """Wait until the broker tells what its controller has decided."""
    deadline = time.monotonic() + 5
    while setting(kafka, topic, name) != value:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_plan_names_every_missing_topic_and_creates_none(kafka, lanes):
    planned = run("plan")
    assert {each["topic"] for each in planned} == {spec.name for spec in CATALOGUE}
    assert {each["kind"] for each in planned} == {"create"}
    run("check", status=1)
    assert [n for n in kafka.admin.list_topics() if n.startswith("pos.")] == []


def test_after_apply_topics_are_as_the_catalogue_says(kafka, lanes):
    run("apply")
    assert run("check") == []
    described = kafka.admin.describe_topics([names.RAW, names.SALES])
    assert [len(topic["partitions"]) for topic in described] == [LANES, LANES]
    assert setting(kafka, names.RAW, "retention.ms") == str(400 * 86_400_000)
    assert setting(kafka, names.TRANSACTIONS, "retention.ms") == "-1"
    assert setting(kafka, names.SALES, "cleanup.policy") == "compact"


def test_wrong_settings_are_named_and_set_right(kafka, lanes):
    run("apply")
    wrong = ConfigResource(
        ConfigResourceType.TOPIC, names.TRANSACTIONS, {"retention.ms": "604800000"}
    )
    kafka.admin.alter_configs([wrong])
    becomes(kafka, names.TRANSACTIONS, "retention.ms", "604800000")
    (difference,) = run("check", status=1)
    assert difference == {
        "kind": "configure",
        "topic": names.TRANSACTIONS,
        "setting": "retention.ms",
        "have": "604800000",
        "want": "-1",
    }
    run("apply")
    becomes(kafka, names.TRANSACTIONS, "retention.ms", "-1")
    assert setting(kafka, names.TRANSACTIONS, "cleanup.policy") == "delete"


def test_another_number_of_lanes_is_refused_and_nothing_is_changed(kafka, lanes):
    run("apply")
    lanes.setenv("TILLSTREAM_LANES", "4")
    left = run("apply", status=1)
    assert {(each["kind"], each["setting"], each["want"]) for each in left} == {
        ("refuse", "partitions", "4")
    }
    assert len(kafka.admin.describe_topics([names.RAW])[0]["partitions"]) == LANES


def test_the_embedded_log_needs_none_of_it(monkeypatch):
    monkeypatch.setenv("TILLSTREAM_LOG", "embedded:///nowhere")
    result = CliRunner().invoke(app, ["plan"])
    assert result.exit_code == 2
    assert "makes its topics itself" in result.output


async def test_a_tail_follows_what_comes_and_finds_where_a_time_begins(kafka, tmp_path):
    clients = Clients(*parse(kafka.url()), Security())
    log = KafkaLog(clients, kafka.app_id, tmp_path)
    await log.start()
    try:
        await log.create(all_topics(1))
        letters = [Out(b"%d" % number, b"x") for number in range(5)]
        await log.append(names.REJECTED, letters, partition=0)
        await asyncio.sleep(0.05)
        middle = datetime.now(UTC).isoformat()
        await asyncio.sleep(0.05)
        await log.append(names.REJECTED, letters, partition=0)
        start = await positions_from(log, names.REJECTED, [0], middle)
        assert start == {TP(names.REJECTED, 0): 5}
        keys = []
        async with aclosing(tail(log, start, follow=True)) as followed:
            async for one in followed:
                keys.append(one.key)
                if len(keys) == 5:
                    await log.append(names.REJECTED, [Out(b"news", b"x")], partition=0)
                if one.key == "news":
                    break
        assert keys == [*"01234", "news"]
    finally:
        await log.stop()
