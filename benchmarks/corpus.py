"""Square's own bodies for the benchmarks: orders and payments of simulated bakeries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from connectors.square.simulator import SimulatorConfig, SquareSimulator, bakeries
from schemas.account import Account, Tenant
from schemas.codec import encode
from schemas.identity import raw_id
from schemas.raw import Channel, RawEvent
from schemas.sealing import KeyRing, Sealer, generate_master_key
from streams.log import Out, lane_of

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
TENANT = "bakers"
LANES = 4
DAYS = 30
ORDERS_PER_DAY = 64
BODIES_PER_SHOP = 5_000
TOLD = {"order", "payment", "refund"}


@dataclass(frozen=True, slots=True)
class Event:
    """One body as it comes in, and whose it is."""

    account: Account
    resource: str
    body: bytes


def events(count: int, of_each: int = BODIES_PER_SHOP) -> Iterator[Event]:
    """
    Yield so many bodies in the order in which Square learns of them, shop by shop.

    Args:
        of_each: bodies of one shop before the next one's begin.
    """
    shop = 0
    while count > 0:
        account, bodies = _shop(shop, of_each)
        for resource, body in bodies[:count]:
            yield Event(account, resource, body)
        count -= len(bodies)
        shop += 1


def _shop(number: int, of_each: int) -> tuple[Account, list[tuple[str, bytes]]]:
    (bakery,) = bakeries(1)
    # Names of its own, or one webhook would be about every shop there is.
    bakery = replace(bakery, merchant_id=f"MBENCH{number}", location_id=f"LBENCH{number}")
    config = SimulatorConfig(
        now=NOW, seed=number, shops=(bakery,), days=DAYS, orders_per_day=ORDERS_PER_DAY
    )
    # The API gives the newest only; the benchmark wants every version, so it looks inside.
    store = SquareSimulator(config)._store  # noqa: SLF001
    account = Account(
        account_id=f"shop-{number}",
        tenant_id=TENANT,
        provider="square",
        merchant=bakery.merchant_id,
        location_id=bakery.location_id,
        location_name=bakery.name,
        timezone=bakery.timezone,
        currency=bakery.currency,
        created_at=NOW - timedelta(days=60),
        updated_at=NOW - timedelta(days=60),
    )
    told = [(one.kind, one.body) for one in store.happenings if one.kind in TOLD]
    return account, told[:of_each]


class Till:
    """What a deployment has: a tenant, its key, and the way from a body to a raw event."""

    def __init__(self, keys: str = "", lanes: int = LANES) -> None:
        self.lanes = lanes
        self.keys = keys or f"k1:{generate_master_key()}"
        self.sealer = Sealer(KeyRing.from_text(self.keys))
        key = self.sealer.new_data_key(TENANT)
        self.tenant = Tenant(tenant_id=TENANT, name="Bakers", data_key=key, created_at=NOW)

    def raw(self, event: Event) -> RawEvent:
        """Return the raw event with the body as it is."""
        return RawEvent(
            raw_id=raw_id(event.account.account_id, None, event.body),
            tenant_id=TENANT,
            account_id=event.account.account_id,
            provider="square",
            channel=Channel.POLL,
            resource=event.resource,
            received_at=NOW,
            body=event.body,
            merchant=event.account.merchant,
        )

    def out(self, event: Event) -> Out:
        """Return the record of `pos.raw`: sealed, Avro, in its lane."""
        raw, key = self.raw(event), event.account.account_id.encode()
        sealed = self.sealer.seal(
            raw.body, self.tenant.data_key, tenant=TENANT, record=raw.raw_id
        )
        fields = {name: getattr(raw, name) for name in raw.__struct_fields__}
        value = encode(RawEvent(**fields | {"body": sealed}))
        return Out(key, value, (), lane_of(key, self.lanes))


def account_outs(chosen: Sequence[Account], lanes: int = LANES) -> list[Out]:
    """Return the records of `pos.accounts`."""
    return [
        Out(key, encode(one), (), lane_of(key, lanes))
        for one in chosen
        for key in (one.account_id.encode(),)
    ]


def url(folder: Path) -> str:
    """Return where the log of a benchmark is: with fsync, as in production."""
    return f"embedded://{folder}/log"
