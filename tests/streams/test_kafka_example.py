"""The example of docs/consuming.md: right after every restart, equal to our own rows."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sqlite3
from contextlib import closing
from io import SEEK_END, BytesIO
from pathlib import Path

import fastavro
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from schemas import topics
from schemas.codec import decode, unpack
from schemas.raw import Channel
from schemas.rows import SalesDayRow
from schemas.sealing import generate_master_key
from schemas.sync import Command
from streams.cli.main import app
from streams.log import TP
from streams.reading import records_of
from streams.settings import load
from streams.worker import Worker
from tests.connectors.golden import samples_of
from tests.services.jvm import compiled
from tests.services.kafka import UnavailableError
from tests.streams.shop import Deaths
from tests.streams.stage_kit import MILL_LANE
from tests.streams.test_kafka_product import LANES, NOW

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas" / "avro"
# One shop has one currency; the samples come from many.
BODIES = [
    body
    for sample in samples_of("square")
    if {bill["currency"] for bill in json.loads(sample.expected_path.read_text())} == {"EUR"}
    for body in sample.bodies
]


def example():
    spec = importlib.util.spec_from_file_location(
        "takings", ROOT / "docs" / "examples" / "takings.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kept(database: Path) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return the takings that an example has in its database."""
    with closing(sqlite3.connect(database)) as opened:
        return {
            row[:3]: row[3:]
            for row in opened.execute("select * from takings where transactions <> 0")
        }


async def our_days(url: str, folder: Path) -> dict[tuple[str, ...], tuple[int, int]]:
    """Take all samples in and return total and bills of every day, as our view has them."""
    settings = load(log=url, lanes=LANES, data_dir=folder, keys=f"k1:{generate_master_key()}")
    worker = Worker(settings, fatal=Deaths(), clock=lambda: NOW, polling=False)
    await worker.start(serve=False)
    try:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
        await worker.runtime.views.settle(range(LANES), 60)
        lane = worker.directory.lane(MILL_LANE.account_id)
        rows = worker.runtime.views.scan("project.sales_days", lane, b"")
    finally:
        await worker.stop()
    days = [unpack(SalesDayRow, row) for _, row in rows]
    return {
        (day.account_id, day.business_day.isoformat(), day.currency): (
            day.total,
            day.transactions,
        )
        for day in days
    }


async def test_takings_of_the_example_are_those_of_our_own_view(kafka, tmp_path, monkeypatch):
    expected = await our_days(kafka.url(), tmp_path)
    takings, database = example(), tmp_path / "takings.db"
    real, left = takings.count, [25]

    def dies(*arguments):
        left[0] -= 1
        if left[0] == 0:
            raise MemoryError
        real(*arguments)

    monkeypatch.setattr(takings, "count", dies)
    with pytest.raises(MemoryError):
        await takings.follow(kafka.address, str(database), SCHEMAS, idle_s=2, limit=7)
    for _ in range(2):
        await takings.follow(kafka.address, str(database), SCHEMAS, idle_s=1, limit=7)
    found = kept(database)
    assert found == expected
    assert len(found) > 3


async def test_the_java_example_has_the_same_takings_after_it_was_killed(kafka, tmp_path):
    classes = tmp_path / "classes"
    classes.mkdir()
    try:
        program = compiled(classes)
    except UnavailableError as error:
        pytest.skip(f"no Java: {error}")
    expected = await our_days(kafka.url(), tmp_path / "worker")
    database = tmp_path / "takings.db"
    command = [*program, kafka.address, str(database), str(SCHEMAS)]
    for seconds in (0.8, 1.2, 1.6):
        killed = await asyncio.create_subprocess_exec(*command)
        await asyncio.sleep(seconds)
        killed.kill()
        await killed.wait()
    whole = await asyncio.create_subprocess_exec(*command, "5")
    assert await asyncio.wait_for(whole.wait(), 60) == 0
    assert kept(database) == expected


async def test_an_export_reads_a_copy_of_its_own_and_has_the_days_of_our_view(
    kafka, tmp_path, monkeypatch
):
    expected = await our_days(kafka.url(), tmp_path / "worker")
    monkeypatch.setenv("TILLSTREAM_LOG", kafka.url())
    monkeypatch.setenv("TILLSTREAM_LANES", str(LANES))
    monkeypatch.setenv("TILLSTREAM_DATA_DIR", str(tmp_path / "tool"))
    monkeypatch.setenv("TILLSTREAM_KEYS", f"k1:{generate_master_key()}")
    file = tmp_path / "days.parquet"
    command = ["export", "sales-days", "--parquet", str(file)]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0, result.output
    days = pyarrow.parquet.read_table(file).to_pylist()
    assert expected == {
        (day["account_id"], day["business_day"].isoformat(), day["currency"]): (
            day["total"],
            day["transactions"],
        )
        for day in days
    }


async def test_the_command_of_the_example_stands_in_the_lane_of_its_account(kafka, tmp_path):
    settings = load(
        log=kafka.url(), lanes=LANES, data_dir=tmp_path, keys=f"k1:{generate_master_key()}"
    )
    worker = Worker(settings, fatal=Deaths(), clock=lambda: NOW, polling=False)
    await worker.start(serve=False)
    try:
        text = (ROOT / "docs" / "commands.md").read_text()
        (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        names = {"account_id": MILL_LANE.account_id}
        exec(program.replace("localhost:9092", kafka.address), names)  # noqa: S102 - ours
        tp = TP(topics.COMMANDS, worker.directory.lane(MILL_LANE.account_id))
        (record,) = [record async for record in records_of(worker.runtime.log, tp)]
    finally:
        await worker.stop()
    assert decode(Command, record.value) == names["command"]
    assert record.key == MILL_LANE.account_id.encode()
    assert written_without_our_package(names["command"]) == record.value


def written_without_our_package(command: Command) -> bytes:
    """Write a command as the document says that one does with fastavro alone."""
    body = BytesIO(bytes.fromhex("0000000012"))
    body.seek(0, SEEK_END)
    schema = fastavro.schema.load_schema(SCHEMAS / "pos.commands.v1.avsc")
    fields = {name: getattr(command, name) for name in command.__struct_fields__}
    fastavro.schemaless_writer(body, schema, fields)
    return body.getvalue()
