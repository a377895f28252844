"""Directory and ingest over a real embedded log without stages."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

from schemas.account import Account, AccountStatus
from schemas.sealing import KeyRing, Sealer, generate_master_key
from streams.directory import Directory
from streams.ingest import Ingest
from streams.runtime import open_log
from streams.topics import all_topics

LANES = 4
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Desk:
    def __init__(self, log, connectors):
        self.log = log
        self.sealer = Sealer(KeyRing.from_text(f"k1:{generate_master_key()}"))
        self.directory = self.new_directory()
        self.ingest = Ingest(
            log,
            self.directory,
            self.sealer,
            lambda: NOW,
            lanes=LANES,
            connectors=connectors,
        )

    def new_directory(self):
        return Directory(self.log, self.sealer, lambda: NOW, lanes=LANES)


@asynccontextmanager
async def desk(folder, connectors=None):
    log = open_log(f"embedded://{folder}/log?sync=0")
    await log.start()
    await log.create(all_topics(LANES))
    made = Desk(log, connectors or {})
    await made.directory.start()
    try:
        yield made
    finally:
        await made.directory.stop()
        await log.stop()


def an_account(account_id="a1", **more):
    given = {
        "account_id": account_id,
        "tenant_id": "bakery",
        "provider": "square",
        "merchant": "ML",
        "location_id": f"L-{account_id}",
        "location_name": "Bakery",
        "timezone": "Europe/Berlin",
        "status": AccountStatus.CONNECTED,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Account(**given | more)
