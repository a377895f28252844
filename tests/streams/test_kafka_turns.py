"""Processes that change the same tenant or account at the same moment, on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from schemas import topics
from schemas.account import Account
from schemas.sealing import KeyRing, Sealer, generate_master_key
from streams.directory import Directory
from streams.kafka.clients import Clients
from streams.kafka.log import KafkaLog
from streams.kafka.options import parse
from streams.kafka.security import Security
from streams.log import TP, Out, OvertakenError
from streams.topics import all_topics
from tests.streams.conftest import Kafka
from tests.streams.desk import LANES, NOW, an_account

pytestmark = pytest.mark.kafka

WRITERS, CHANGES = 3, 5


@asynccontextmanager
async def logs(kafka: Kafka, folder: Path, count: int) -> AsyncIterator[list[KafkaLog]]:
    """Give so many processes' logs of one installation."""
    wanted = [it for it in all_topics(LANES) if it.name in {topics.TENANTS, topics.ACCOUNTS}]
    async with AsyncExitStack() as stack:
        made = []
        for number in range(count):
            clients = Clients(*parse(kafka.url(worker=f"w{number}")), Security())
            log = KafkaLog(clients, kafka.app_id, folder / f"{number}")
            await log.start()
            stack.push_async_callback(log.stop)
            await log.create(wanted)
            made.append(log)
        yield made


@asynccontextmanager
async def directories(
    kafka: Kafka, folder: Path, count: int = WRITERS
) -> AsyncIterator[list[Directory]]:
    sealer = Sealer(KeyRing.from_text(f"k1:{generate_master_key()}"))
    async with logs(kafka, folder, count) as found, AsyncExitStack() as stack:
        made = [Directory(log, sealer, lambda: NOW, lanes=LANES) for log in found]
        for directory in made:
            await directory.start()
            stack.push_async_callback(directory.stop)
        yield made


def longer(known: Account) -> Account:
    return replace(known, sync_interval_s=known.sync_interval_s + 1)


async def test_no_change_undoes_another_however_many_processes_write_at_once(
    kafka: Any, tmp_path: Path
) -> None:
    async with directories(kafka, tmp_path) as made:
        await made[0].put_account(an_account(sync_interval_s=900))

        async def some(directory: Directory) -> None:
            await _known(directory)
            for _ in range(CHANGES):
                await directory.change_account("a1", longer)

        await asyncio.gather(*(some(directory) for directory in made))
        last = await made[0].change_account("a1", longer)
        assert last is not None
        assert last.sync_interval_s == 900 + WRITERS * CHANGES + 1


async def test_one_of_several_processes_makes_a_tenant(kafka: Any, tmp_path: Path) -> None:
    async with directories(kafka, tmp_path) as made:
        found = await asyncio.gather(*(it.create_tenant("bakery", "Bakery") for it in made))
        assert sum(tenant is not None for tenant in found) == 1
        keys = set()
        for directory in made:
            await _until(lambda it=directory: it.tenant("bakery") is not None)
            tenant = directory.tenant("bakery")
            assert tenant is not None
            keys.add(tenant.data_key)
        assert len(keys) == 1


async def test_who_was_overtaken_writes_nothing(kafka: Any, tmp_path: Path) -> None:
    async with logs(kafka, tmp_path, 2) as (first, second):
        tp = TP(topics.ACCOUNTS, 0)
        async with first.turn(tp) as early, second.turn(tp) as late:
            place = await late(Out(b"a1", b"second"))
            with pytest.raises(OvertakenError):
                await early(Out(b"a1", b"first"))
        reader = await first.reader({tp: 0})
        chunk = (await reader.read(5))[tp]
        await reader.close()
        assert [(it.offset, it.value) for it in chunk.records] == [(place.offset, b"second")]


async def _known(directory: Directory) -> None:
    await _until(lambda: directory.account("a1") is not None)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
