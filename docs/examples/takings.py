# ruff: noqa: INP001, PLR2004 - a program to copy, not a module of ours
"""
Keep the takings of every business day in SQLite, exactly once, from `pos.transactions`.

    python takings.py localhost:9092 takings.db [schema folder]

The position in the log and the sums are written in one database transaction: whenever the
program is killed, it goes on where the sums are. Needs aiokafka and fastavro, nothing of ours
but the schemas.
"""

import asyncio
import io
import json
import sqlite3
import sys
from pathlib import Path

import aiokafka
import fastavro

TOPIC = "pos.transactions"
TABLES = """
create table if not exists position (partition integer primary key, next integer);
create table if not exists takings (
    account text, day text, currency text, total integer, transactions integer,
    primary key (account, day, currency)
);
"""


class Schemas:
    """Schemas by the id in front of each record; a registry would answer the same."""

    def __init__(self, folder: Path) -> None:
        files = json.loads((folder / "ids.json").read_text())
        self._by_id = {
            int(number): fastavro.parse_schema(json.loads((folder / file).read_text()))
            for number, file in files.items()
        }

    def read(self, value: bytes) -> dict:
        """Decode Confluent's framing: a zero byte, four bytes of schema id, Avro."""
        schema = self._by_id[int.from_bytes(value[1:5], "big")]
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)


def count(database: sqlite3.Connection, transaction: dict | None, sign: int) -> None:
    """Add a transaction as it is, or take back what it was."""
    if transaction is None or transaction["status"] != "completed":
        return
    if transaction["kind"] == "void":
        return
    day = transaction["business_day"].isoformat()
    key = (transaction["account_id"], day, transaction["currency"])
    database.execute("insert or ignore into takings values (?, ?, ?, 0, 0)", key)
    database.execute(
        "update takings set total = total + ?, transactions = transactions + ?"
        " where account = ? and day = ? and currency = ?",
        (sign * transaction["totals"]["total"], sign, *key),
    )


def take(database: sqlite3.Connection, schemas: Schemas, partition: int, records: list) -> None:
    """Write sums and position together, or neither."""
    with database:
        for record in records:
            change = schemas.read(record.value)
            count(database, change["before"], -1)
            count(database, change["after"], +1)
        position = (partition, records[-1].offset + 1)
        database.execute("insert or replace into position values (?, ?)", position)


async def follow(
    brokers: str, path: str, folder: Path, *, idle_s: float | None = None, limit: int = 500
) -> None:
    """Follow the topic for ever, or until nothing has come for `idle_s` seconds."""
    database, schemas = sqlite3.connect(path), Schemas(folder)
    database.executescript(TABLES)
    known = dict(database.execute("select partition, next from position"))
    consumer = aiokafka.AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=brokers,
        # Without this, changes of transactions that are taken back would be counted.
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        for tp in consumer.assignment():
            consumer.seek(tp, known.get(tp.partition, 0))
        while True:
            wait_ms = 1000 if idle_s is None else int(idle_s * 1000)
            batches = await consumer.getmany(timeout_ms=wait_ms, max_records=limit)
            for tp, records in batches.items():
                take(database, schemas, tp.partition, records)
            if idle_s is not None and not batches:
                return
    finally:
        await consumer.stop()
        database.close()


if __name__ == "__main__":
    schema_folder = Path(sys.argv[3] if len(sys.argv) > 3 else "schemas/avro")
    asyncio.run(follow(sys.argv[1], sys.argv[2], schema_folder))
