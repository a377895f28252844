"""A stage without a log: records in, effects out, rows kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from connectors.catalogue import CONNECTORS
from schemas import topics
from schemas.account import Account
from schemas.codec import decode, encode
from schemas.identity import raw_id
from schemas.raw import Channel, RawEvent
from schemas.sealing import KeyRing, Sealer, generate_master_key
from schemas.sync import SyncControl, SyncKind, SyncStatus
from schemas.transaction import Transaction, TransactionChange
from streams.log import Effects, Record
from streams.operations.rebuild import MemoryState
from streams.stages.normalise import normaliser

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

RECEIVED = datetime(2026, 5, 20, 12, tzinfo=UTC)
TENANT = "bakers"
SEALER = Sealer(KeyRing.from_text(f"k1:{generate_master_key()}"))
DATA_KEY = SEALER.new_data_key(TENANT)

MILL_LANE = Account(
    account_id="mill-lane",
    tenant_id=TENANT,
    provider="square",
    merchant="MBAKERY",
    location_id="LBAKERY01",
    location_name="Mill Lane",
    timezone="Europe/Berlin",
    cut_off_hour=4,
    created_at=RECEIVED - timedelta(days=60),
    updated_at=RECEIVED - timedelta(days=60),
)


def account_record(account: Account = MILL_LANE) -> Record:
    key = account.account_id.encode()
    return Record(topics.ACCOUNTS, 0, 0, 0, key, encode(account))


def raw_record(
    body: bytes,
    *,
    channel: Channel = Channel.WEBHOOK,
    resource: str = "",
    account_id: str = MILL_LANE.account_id,
    sync_id: str | None = None,
    provider: str = MILL_LANE.provider,
    received_at: datetime = RECEIVED,
    offset: int = 0,
) -> Record:
    identity = raw_id(account_id, None, body)
    event = RawEvent(
        raw_id=identity,
        tenant_id=TENANT,
        account_id=account_id,
        provider=provider,
        channel=channel,
        resource=resource,
        received_at=received_at,
        body=SEALER.seal(body, DATA_KEY, tenant=TENANT, record=identity),
        merchant=MILL_LANE.merchant,
        sync_id=sync_id,
    )
    return Record(topics.RAW, 0, offset, 0, account_id.encode(), encode(event))


def control_record(status: SyncStatus, sync_id: str = "s1", **given: object) -> Record:
    fields = {
        "sync_id": sync_id,
        "kind": SyncKind.SCHEDULED,
        "status": status,
        "at": RECEIVED + timedelta(seconds=7),
        "started_at": RECEIVED,
        "since": RECEIVED - timedelta(hours=1),
        "until": RECEIVED,
    }
    control = SyncControl(**{**fields, **given})  # type: ignore[arg-type]
    body = msgspec.json.encode(control)
    return raw_record(body, channel=Channel.CONTROL, resource="sync", sync_id=sync_id)


class Normalise:
    """The stage `normalise` with one connected account."""

    def __init__(self, account: Account | None = MILL_LANE) -> None:
        self.state = MemoryState()
        self.step = normaliser(CONNECTORS, SEALER)
        self.changes: list[TransactionChange] = []
        if account is not None:
            self.take([account_record(account)])

    def take(self, records: Sequence[Record]) -> Effects:
        effects = self.step(records, self.state)
        self.state.take(effects)
        self.changes += decoded(effects, topics.TRANSACTIONS, TransactionChange)
        return effects

    @property
    def transactions(self) -> dict[str, Transaction]:
        """The newest of each, as a consumer of the topic would know it."""
        known: dict[str, Transaction] = {}
        for change in self.changes:
            assert change.before == known.pop(change.transaction_id, None)
            if change.after is not None:
                known[change.transaction_id] = change.after
        return known


def decoded(effects: Effects, topic: str, cls: type[S]) -> list[S]:
    return [
        decode(cls, out.value)
        for out in effects.outputs.get(topic, [])
        if out.value is not None
    ]


def chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
