"""Damaged files: state is rebuilt, a damaged log is refused with what to do, backups work."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

import pytest

from streams.embedded.backup import restore
from streams.embedded.settings import _caches, family_options
from streams.embedded.store import Store
from streams.errors import SetupError
from streams.log import LogCorruptError
from tests.streams.shop import (
    Deaths,
    everything,
    expected_totals,
    opened,
    rows_of,
    runtime,
    sale,
    settled,
    started,
    until,
)

pytestmark = pytest.mark.chaos
NUMBERS = range(3000)
TABLES = ("till.sales", "till.prices", "sums.totals")


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> Path:
    """A folder with a day's work in it, state and log in files of their own."""
    import asyncio  # noqa: PLC0415 - only the fixture has no running loop

    folder = tmp_path_factory.mktemp("day")
    asyncio.run(_work(folder))
    gc.collect()
    return folder


async def _work(folder: Path) -> None:
    async with started(folder) as running:
        await running.log.append("prices", [sale(n) for n in range(50)])
        await running.log.append("raw", [sale(n) for n in NUMBERS])
        await settled(running)
        store = running.log.store
        for family in (store.log, store.state, store.index, store.db):
            family.flush(True)
            family.compact_range(None, None)


@pytest.fixture
def folder(day, tmp_path) -> Path:
    shutil.copytree(day / "log", tmp_path / "log")
    return tmp_path


def files_of(folder: Path) -> dict[str, Path]:
    """Return the largest file of the log and of the state."""
    store = Store(folder / "log", 8)
    found: dict[str, tuple[int, Path]] = {}
    for file in store.db.live_files():
        is_log = len(file["start_key"]) == len(file["end_key"]) == 12
        family = "log" if is_log else "state" if file["start_key"][:4] == bytes(4) else "other"
        found[family] = max(
            found.get(family, (0, Path())),
            (file["size"], folder / "log" / file["name"].lstrip("/")),
        )
    store.close()
    return {family: path for family, (_, path) in found.items()}


def flip(path: Path, begin: float, end: float, step: int) -> None:
    raw = bytearray(path.read_bytes())
    for at in range(int(len(raw) * begin), int(len(raw) * end), step):
        raw[at] ^= 0xFF
    path.write_bytes(raw)
    _caches.clear()  # blocks of files with the same identity, read by an earlier test


async def all_rows(folder: Path) -> dict[str, dict[bytes, bytes]]:
    async with started(folder) as running:
        return {table: rows_of(running, table) for table in TABLES}


async def test_every_kind_of_table_is_rebuilt_identical_when_the_state_is_lost(folder):
    before = await all_rows(folder)
    assert before["sums.totals"] == expected_totals(NUMBERS)
    assert len(before["till.prices"]) == 7
    store = Store(folder / "log", 8)
    store.drop_state()
    store.close()
    async with started(folder) as running:
        assert {table: rows_of(running, table) for table in TABLES} == before
        assert running.stages["till"].stats.folded >= len(NUMBERS)


async def test_damage_in_a_state_file_at_run_time_is_healed_without_a_restart(folder):
    before = await all_rows(folder)
    flip(files_of(folder)["state"], 0.1, 0.8, 200)
    async with started(folder) as running:
        await running.log.append("raw", [sale(n) for n in NUMBERS])
        await settled(running)
        await until(lambda: all(s.stats.folded for s in running.stages.values()))
        await settled(running)
        assert {table: rows_of(running, table) for table in TABLES} == before


async def test_damage_that_only_a_view_meets_heals_lanes_that_have_nothing_to_do(folder):
    before = await all_rows(folder)
    flip(files_of(folder)["state"], 0.1, 0.8, 200)
    async with started(folder) as running:

        def healed() -> bool:
            try:
                return {table: rows_of(running, table) for table in TABLES} == before
            except Exception:  # noqa: BLE001 - not ready for a moment
                return False

        await until(healed)
        assert running.log.generation == 1


@pytest.mark.parametrize("damage", ["truncated", "removed"])
async def test_a_state_file_that_keeps_the_log_from_opening_is_left_behind(folder, damage):
    before = await all_rows(folder)
    path = files_of(folder)["state"]
    if damage == "removed":
        path.unlink()
    else:
        os.truncate(path, 1000)
    async with started(folder) as running:
        assert {table: rows_of(running, table) for table in TABLES} == before
        assert await running.log.holes() == []
        await running.log.append("raw", [sale(n) for n in range(3100)])
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(3100))
    assert len(list(folder.glob("log.damaged-*"))) == 1


async def test_a_rescue_that_ended_half_way_is_finished_not_begun_with_an_empty_log(folder):
    (folder / "log").rename(folder / "log.rescue")
    assert (await all_rows(folder))["sums.totals"] == expected_totals(NUMBERS)


@pytest.mark.parametrize("damage", ["truncated", "removed", "no CURRENT"])
async def test_a_damaged_log_is_refused_with_what_to_do(folder, damage):
    path = files_of(folder)["log"]
    if damage == "truncated":
        os.truncate(path, 1000)
    elif damage == "removed":
        path.unlink()
    else:
        (folder / "log" / "CURRENT").write_text("garbage")
    with pytest.raises(LogCorruptError, match=r"is damaged.*tillstream restore BACKUP"):
        runtime(folder)
    assert not list(folder.glob("log.damaged-*"))


async def test_damage_in_old_records_is_found_by_the_search_for_holes(folder):
    flip(files_of(folder)["log"], 0.7, 0.72, 100)
    async with opened(folder) as log:
        with pytest.raises(LogCorruptError, match="tillstream restore"):
            await log.holes()


async def test_a_stage_that_meets_a_damaged_log_ends_the_process(folder):
    flip(files_of(folder)["log"], 0.86, 0.87, 100)
    store = Store(folder / "log", 8)
    store.drop_state()
    store.close()
    deaths = Deaths()
    async with started(folder, fatal=deaths):
        await until(lambda: deaths)
    assert isinstance(deaths[0], LogCorruptError)


async def test_records_behind_an_end_are_never_overwritten(folder):
    store = Store(folder / "log", 8)
    for key in [key for key in store.db.keys() if key[:1] == b"E"]:  # noqa: SIM118 - not a dict
        store.db.delete(key)
    store.close()
    with pytest.raises(LogCorruptError, match="records behind its end"):
        runtime(folder)


async def unflushed(folder: Path) -> Path:
    """Write so that everything is in the write-ahead log only, and return its path."""
    async with opened(folder, sync=0) as log:
        for n in range(200):
            await log.append("notes", [sale(n)] * 5)
        log.store.db.flush_wal(True)
        copy = folder / "crashed"
        shutil.copytree(folder / "log", copy / "log", ignore=shutil.ignore_patterns("LOCK"))
    return max((copy / "log").glob("*.log"), key=lambda path: path.stat().st_size)


async def test_a_torn_tail_of_the_write_ahead_log_opens_and_loses_only_the_tail(folder):
    wal = await unflushed(folder)
    os.truncate(wal, wal.stat().st_size - 500)
    async with opened(wal.parent.parent) as log:
        assert 0 < len(await everything(log, "notes")) < 1000
        assert await log.holes() == []


async def test_damage_in_the_middle_of_the_write_ahead_log_is_refused(folder):
    wal = await unflushed(folder)
    flip(wal, 0.4, 0.42, 50)
    with pytest.raises(LogCorruptError, match="tillstream restore"):
        runtime(wal.parent.parent)


async def test_a_backup_taken_while_running_goes_on_exactly_from_there(folder):
    async with started(folder) as running:
        await running.log.append("raw", [sale(n) for n in range(3500)])
        running.log.backup(folder / "backup")
        await running.log.append("raw", [sale(n) for n in range(4000)])
        await settled(running)
    shutil.rmtree(folder / "log")
    restore(folder / "backup", folder / "log")
    async with started(folder) as running:
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(3500))
        await running.log.append("raw", [sale(n) for n in range(4000)])
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(4000))
        assert await running.log.holes() == []


async def test_a_backup_folder_is_itself_a_log(folder):
    async with started(folder) as running:
        running.log.backup(folder / "backup" / "log")
    rows = await all_rows(folder / "backup")
    assert rows["sums.totals"] == expected_totals(NUMBERS)


async def test_backup_and_restore_never_overwrite(folder):
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    (folder / "empty").mkdir()
    async with opened(folder) as log:
        with pytest.raises(SetupError, match="not an empty folder"):
            log.backup(folder / "full")
        log.backup(folder / "empty")
    with pytest.raises(SetupError, match="not an empty folder"):
        restore(folder / "empty", folder / "full")
    with pytest.raises(SetupError, match="not a backup"):
        restore(folder / "full", folder / "new")


async def test_a_stage_that_reads_a_damaged_record_stops_before_it_and_skips_nothing(folder):
    async with opened(folder) as log:
        log.forget_stage("till")
    flip(files_of(folder)["log"], 0.2, 0.22, 100)
    deaths = Deaths()
    async with started(folder, fatal=deaths) as running:
        await until(lambda: deaths)
        assert all("damaged" in str(death) for death in deaths)
        assert sum(running.views.lag().values()) > 0


async def test_state_that_cannot_be_dropped_now_is_dropped_when_the_disk_works(folder):
    before = await all_rows(folder)
    flip(files_of(folder)["state"], 0.1, 0.8, 200)
    async with started(folder) as running:
        drop, failures = running.log.store.drop_state, [2]

        def fails() -> None:
            if failures[0]:
                failures[0] -= 1
                raise OSError("no space left on device")
            drop()

        running.log.store.drop_state = fails
        await running.log.append("raw", [sale(n) for n in NUMBERS])
        await until(lambda: failures == [0] and running.log._failure is None, 10)
        await settled(running, 10)
        await until(lambda: running.stages["till"].stats.folded)
        await settled(running)
        assert {table: rows_of(running, table) for table in TABLES} == before


def test_options_are_the_same_families_that_a_rescue_copies():
    from streams.embedded.rescue import KEPT  # noqa: PLC0415 - a fact about two files

    assert set(family_options(8)) == {*KEPT, "state"}
