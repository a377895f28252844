"""A schema registry: schemas registered once, ids read once, and never needed again."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from typer.testing import CliRunner

from schemas import codec, topics
from schemas.avsc import OwnIds, SchemaFile
from schemas.codec import decode, encode
from schemas.raw import Channel
from schemas.sealing import generate_master_key
from schemas.topics import CATALOGUE
from schemas.transaction import TransactionChange
from streams.cli.topics import app
from streams.errors import SetupError
from streams.registry import CACHE, COMPATIBILITY, Registry, RegistryOptions, adopt
from streams.settings import load
from streams.worker import Worker
from tests.schemas.records import example
from tests.services.kafka import UnavailableError, free_ports
from tests.services.registry import SchemaRegistry, serving
from tests.streams.shop import Deaths
from tests.streams.stage_kit import MILL_LANE
from tests.streams.test_kafka_example import BODIES
from tests.streams.test_kafka_product import LANES, NOW

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SUBJECTS = {f"{spec.name}-value" for spec in CATALOGUE if spec.record is not None}
TIMEOUT_S = 10
OTHERS = 30


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SchemaRegistry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    try:
        with serving(folder) as service:
            yield service
    except UnavailableError as error:
        if os.environ.get("TILLSTREAM_TEST_SERVICES") == "required":
            raise
        pytest.skip(f"no registry: {error}")


@pytest.fixture(autouse=True)
def _own_ids_again() -> Iterator[None]:
    yield
    codec.use_ids(OwnIds())


def asked(registry: SchemaRegistry) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": registry.url, "timeout": TIMEOUT_S})


def run(*arguments: str, status: int = 0) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == status, (result.output, result.exception)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def test_apply_registers_every_schema_once_so_that_old_records_stay_readable(
    registry, monkeypatch, tmp_path
):
    monkeypatch.setenv("TILLSTREAM_LOG", f"embedded://{tmp_path}/log")
    monkeypatch.setenv("TILLSTREAM_REGISTRY_URL", registry.url)
    missing = {each["topic"] for each in run("check", status=1) if each["kind"] == "create"}
    assert missing == SUBJECTS
    run("apply")
    assert run("check") == []
    client = asked(registry)
    assert set(client.get_subjects()) == SUBJECTS
    before = {name: client.get_latest_version(name).schema_id for name in SUBJECTS}
    run("apply")
    assert {name: client.get_latest_version(name).schema_id for name in SUBJECTS} == before
    assert {client.get_compatibility(name) for name in SUBJECTS} == {COMPATIBILITY}


def test_a_schema_that_cannot_read_the_past_is_refused_by_apply(
    registry, monkeypatch, tmp_path
):
    past = json.loads(SchemaFile("pos.sales", 1).text())
    past["fields"] = [field for field in past["fields"] if field["name"] != "currency"]
    asked(registry).register_schema("pos.sales-value", Schema(json.dumps(past), "AVRO"))
    monkeypatch.setenv("TILLSTREAM_LOG", f"embedded://{tmp_path}/log")
    monkeypatch.setenv("TILLSTREAM_REGISTRY_URL", registry.url)
    result = CliRunner().invoke(app, ["apply"])
    assert result.exit_code == 2
    assert "refuses pos.sales.v1.avsc under pos.sales-value" in result.output
    assert "could not read what an earlier version there wrote" in result.output


def test_records_are_read_whichever_of_both_ids_they_carry(registry, tmp_path):
    registry.occupy(OTHERS)
    record = example(TransactionChange)
    before = encode(record)
    options = RegistryOptions(url=registry.url)
    with pytest.raises(SetupError, match="run `tillstream topics apply`"):
        adopt(options, tmp_path)
    Registry(options).apply()
    adopt(options, tmp_path)
    after = encode(record)
    known = asked(registry).get_latest_version("pos.transactions-value").schema_id
    assert int.from_bytes(after[1:5], "big") == known
    assert before[:5] != after[:5]
    assert before[5:] == after[5:]
    assert decode(TransactionChange, before) == decode(TransactionChange, after) == record


def test_a_registry_that_is_away_stops_the_first_start_and_no_later_one(registry, tmp_path):
    options = RegistryOptions(url=registry.url)
    Registry(options).apply()
    adopt(options, tmp_path / "known")
    ids = codec.encode(example(TransactionChange))[:5]
    registry.kill()
    adopt(options, tmp_path / "known")
    assert codec.encode(example(TransactionChange))[:5] == ids
    with pytest.raises(SetupError, match=r"no registry answers at http"):
        adopt(options, tmp_path / "cold")


def test_a_registry_that_has_forgotten_its_ids_is_refused(registry, tmp_path):
    options = RegistryOptions(url=registry.url)
    registry.occupy(OTHERS)
    Registry(options).apply()
    known = tmp_path / CACHE
    adopt(options, tmp_path)
    told = json.loads(known.read_text())
    told["ids"]["pos.raw.v1.avsc"] += 1000
    known.write_text(json.dumps(told))
    with pytest.raises(SetupError, match="other ids than those that records carry"):
        adopt(options, tmp_path)


def foreign(address: str, url: str, topic: str) -> list[dict[str, Any]]:
    """Read a topic to its end with another library, which knows of us only the registry."""
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": url, "timeout": TIMEOUT_S}))
    context = SerializationContext(topic, MessageField.VALUE)
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": f"foreign-{topic}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    found: list[dict[str, Any]] = []
    try:
        waits = 0
        while waits < (10 if not found else 3):
            message = consumer.poll(1.0)
            if message is None:
                waits += 1
            elif message.error() is None:
                found.append(deserialize(message.value(), context))
    finally:
        consumer.close()
    return [record for record in found if record is not None]


async def test_a_foreign_reader_needs_only_the_registry_and_the_worker_no_longer_does(
    kafka, registry, tmp_path, monkeypatch
):
    registry.occupy(OTHERS)
    monkeypatch.setenv("TILLSTREAM_LOG", kafka.url())
    monkeypatch.setenv("TILLSTREAM_LANES", str(LANES))
    monkeypatch.setenv("TILLSTREAM_REGISTRY_URL", registry.url)
    run("apply")
    keys = f"k1:{generate_master_key()}"
    settings = load(data_dir=tmp_path / "worker", keys=keys)
    worker = Worker(settings, fatal=Deaths(), clock=lambda: NOW, polling=False)
    await worker.start(serve=False)
    half = len(BODIES) // 2
    views = worker.runtime.views
    try:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES[:half])
        await views.settle(range(LANES), 60)
        registry.kill()
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES[half:])
        await views.settle(range(LANES), 60)
        lane = worker.directory.lane(MILL_LANE.account_id)
        rows = len(views.scan("project.sales", lane, b""))
    finally:
        await worker.stop()
    registry.start()
    changes = foreign(kafka.address, registry.url, topics.TRANSACTIONS)
    assert len({change["transaction_id"] for change in changes}) > 3
    sold = foreign(kafka.address, registry.url, topics.SALES)
    keyed = {(row["business_day"], row["pos_product_id"], row["currency"]) for row in sold}
    assert len(keyed) == rows > 3


async def test_without_a_port_that_answers_a_cold_worker_does_not_start(tmp_path):
    (port,) = free_ports(1)
    settings = load(
        log=f"embedded://{tmp_path}/log",
        data_dir=tmp_path,
        keys=f"k1:{generate_master_key()}",
        registry_url=f"http://127.0.0.1:{port}",
    )
    worker = Worker(settings, fatal=Deaths(), polling=False)
    with pytest.raises(SetupError, match="TILLSTREAM_REGISTRY_URL"):
        await worker.start(serve=False)


def test_credentials_in_the_address_are_refused_and_not_repeated():
    with pytest.raises(SetupError, match="REGISTRY_USERNAME") as raised:
        load(registry_url="https://me:hush@registry.example")
    assert "hush" not in str(raised.value)


@contextmanager
def saying(status: int) -> Iterator[tuple[str, list[str | None]]]:
    """Serve nothing but a status; give the URL, and who the requests say they are of."""
    heard: list[str | None] = []

    class Empty(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            heard.append(self.headers.get("authorization"))
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"username": "me", "password": "hush"}, "Basic bWU6aHVzaA=="),
        ({}, None),
    ],
)
def test_who_asks_is_said_as_the_settings_have_it(given, header):
    with saying(404) as (url, heard):
        options = RegistryOptions(url=url, **given)
        assert Registry(options).ids() == {}
    assert set(heard) == {header}
    assert "hush" not in repr(options)


def test_a_balancer_without_a_registry_behind_it_is_a_registry_that_is_away(tmp_path):
    with saying(503) as (url, _):
        options = RegistryOptions(url=url)
        with pytest.raises(SetupError, match=r"no registry answers at .* says 503"):
            adopt(options, tmp_path)
        ids = {str(file): 700 + own for own, file in OwnIds().table().items()}
        (tmp_path / CACHE).write_text(json.dumps({"url": url, "ids": ids}))
        adopt(options, tmp_path)
    record = codec.encode(example(TransactionChange))
    assert int.from_bytes(record[1:5], "big") == ids["pos.transactions.v1.avsc"]
