"""Golden samples of the connectors, and what a connector makes of raw bodies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import connectors
from connectors.catalogue import CONNECTORS
from connectors.contract import Connector, Outcome, Parts, Shop
from schemas.businessday import BusinessCalendar
from schemas.part import Part
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction

BAKERY = Shop(
    tenant_id="tenant",
    account_id="account",
    location_id="LBAKERY01",
    calendar=BusinessCalendar("Europe/Berlin", 4),
)
ANYWHERE = msgspec.structs.replace(BAKERY, location_id="")
RECEIVED = datetime(2026, 5, 20, tzinfo=UTC)

# They only say whose the transaction is, which is the same in all samples.
_NOISE = {"transaction_id", "tenant_id", "account_id", "location_id", "provider", "revision"}


def folder_of(provider: str) -> Path:
    """Return a provider's golden samples."""
    return Path(connectors.__file__).parent / provider.replace("-", "_") / "samples"


def home_of(provider: str) -> Shop:
    """Return the shop of a provider's samples: the bakery, or what their shop.json says."""
    path = folder_of(provider) / "shop.json"
    if not path.exists():
        return BAKERY
    told = json.loads(path.read_text())
    return msgspec.structs.replace(
        BAKERY,
        location_id=told["location_id"],
        calendar=BusinessCalendar(told["timezone"], told["cut_off_hour"]),
        currency=told["currency"],
    )


@dataclass(frozen=True)
class Sample:
    """Raw bodies of one provider and the transactions that they make."""

    provider: str
    raws_path: Path

    @property
    def bodies(self) -> list[bytes]:
        raws = json.loads(self.raws_path.read_text())
        return [json.dumps(raw["body"], ensure_ascii=False).encode() for raw in raws]

    @property
    def expected_path(self) -> Path:
        name = self.raws_path.name.replace(".raws.", ".transactions.")
        return self.raws_path.with_name(name)

    def __str__(self) -> str:
        return f"{self.provider}/{self.raws_path.name.removesuffix('.raws.json')}"


def samples_of(provider: str) -> list[Sample]:
    paths = sorted(folder_of(provider).glob("*.raws.json"))
    return [Sample(provider, path) for path in paths]


def all_samples() -> list[Sample]:
    return [sample for provider in CONNECTORS for sample in samples_of(provider)]


def raw_event(body: bytes, provider: str = "square") -> RawEvent:
    return RawEvent(
        raw_id="raw",
        tenant_id="tenant",
        account_id="account",
        provider=provider,
        channel=Channel.WEBHOOK,
        resource="",
        received_at=RECEIVED,
        body=body,
    )


def read(connector: Connector, body: bytes, shop: Shop | None = None) -> Outcome:
    shop = shop or home_of(connector.provider)
    return connector.read(raw_event(body, connector.provider), shop)


def newest(parts: Iterable[Part]) -> dict[str, dict[str, Part]]:
    """Keep the newest version of each part, as the normaliser does."""
    known: dict[str, dict[str, Part]] = {}
    for part in parts:
        bundle = known.setdefault(part.transaction, {})
        if part.supersedes(bundle.get(part.part_id)):
            bundle[part.part_id] = part
    return known


def transactions(
    connector: Connector, bodies: Sequence[bytes], shop: Shop | None = None
) -> list[Transaction]:
    """Read all bodies, keep the newest parts, assemble; sorted by id."""
    shop = shop or home_of(connector.provider)
    outcomes = [read(connector, body, shop) for body in bodies]
    parts = [part for one in outcomes if isinstance(one, Parts) for part in one.parts]
    made = [
        transaction
        for key, bundle in newest(parts).items()
        for transaction in connector.assemble(key, bundle, shop)
    ]
    return sorted(made, key=lambda transaction: transaction.transaction_id)


def plain(made: Iterable[Transaction]) -> list[dict[str, object]]:
    """Return transactions as JSON, by time, without what is noise in a golden file."""
    rows = json.loads(msgspec.json.encode(list(made)))
    rows.sort(key=lambda row: (row["occurred_at"], sorted(row["provider_ids"].items())))
    return [{key: row[key] for key in row if key not in _NOISE} for row in rows]
