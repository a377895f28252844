"""A MariaDB server with the dumps of a real CORE-POS, and conversations with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from connectors.contract import Conversation, Page, Shop
from connectors.corepos.dsn import dsn_of
from connectors.corepos.sql import Database, Limits
from connectors.corepos.way import CoreposWay
from tests.connectors.corepos.rows import COREPOS, SHOP
from tests.connectors.corepos.test_samples import DUMPS
from tests.services.mariadb import MariaDb, missing

installed = pytest.mark.skipif(
    missing() is not None,
    reason=f"{missing()} is not installed (apt-get install mariadb-server)",
)
THREADS = ThreadPoolExecutor(2)
_DATABASE, _SALES = b"CREATE DATABASE", b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `core_trans`"
ZONE = ZoneInfo("America/Chicago")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of November 2026 on the shop's clock."""
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def store(number: int) -> Shop:
    """Return one of the two stores, under an account of its own."""
    return msgspec.structs.replace(
        SHOP, location_id=str(number), account_id=f"account-{number}"
    )


def load(server: MariaDb, file: str) -> None:
    """Load a dump; the tables of products, which no test of sales changes, only once."""
    dump = (DUMPS / file).read_bytes()
    if server.run("SHOW DATABASES LIKE 'core_op'"):
        head, sales = dump[: dump.index(_DATABASE)], dump[dump.index(_SALES) :]
        dump = head + sales
    server.run(dump)


def exchange(server: MariaDb, options: str = "tls=off", **limits: object) -> CoreposWay:
    return CoreposWay(Database(dsn_of(server.dsn(options)), Limits(**limits), THREADS))


async def pages_of(way: CoreposWay, conversation: Conversation) -> list[Page]:
    async with aclosing(way.converse(conversation)) as pages:
        return [page async for page in pages]


async def polled(way: CoreposWay, shop: Shop, since: datetime, until: datetime) -> list[bytes]:
    """Poll and return the bodies that tell of sales."""
    pages = await pages_of(way, COREPOS.poll(shop, since, until))
    return [body for page in pages if page.resource == "dtransactions" for body in page.bodies]
