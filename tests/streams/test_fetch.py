"""The stage `fetch`: orders are written one at a time for an account, fetches are not."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from connectors.catalogue import CONNECTORS
from connectors.contract import Conversation, Page, Request, Response
from connectors.exchange import carried_out
from schemas import topics
from schemas.account import Account
from schemas.codec import encode
from schemas.purchasing import ORDER_DRAFTS, DraftLine, OrderDraft
from schemas.raw import Channel
from schemas.sync import Fetch
from streams.log import Record
from streams.stages.fetch import Fetcher
from tests.connectors.simulated import NOW, Client, clients, simulated
from tests.streams.stage_kit import MILL_LANE

LINES = tuple(
    DraftLine(pos_product_id=item, quantity=Decimal(pieces), unit_cost=Decimal(100))
    for item, pieces in (("1", 24), ("3", 6), ("5", 12))
)
DRAFT = OrderDraft(reference="PO-7", vendor_id="2", lines=LINES, ordered_at=NOW)


class Larder:
    """The way to a simulated R-Series; every call lets the others go first."""

    def __init__(self) -> None:
        self.client: Client = clients("lightspeed-r", simulated("lightspeed-r", days=2))[0]
        self.under_way = self.most = 0
        place = self.client.place
        self.known = replace(
            MILL_LANE,
            provider="lightspeed-r",
            merchant=place.merchant_id,
            location_id=place.location_id,
            currency=place.currency,
        )
        self.brought: list[bytes] = []

    def of(self, _account: Account) -> Larder:
        return self

    def account(self, _account_id: str) -> Account:
        return self.known

    def converse(self, talk: Conversation) -> AsyncGenerator[Page, None]:
        return carried_out(talk, self._asked)

    async def _asked(self, request: Request) -> Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.002)
        self.under_way -= 1
        return self.client.ask(request)

    async def append(
        self, _account: Account, _channel: Channel, _resource: str, bodies: Sequence[bytes]
    ) -> None:
        self.brought += bodies

    def fetcher(self) -> Fetcher:
        ticks = itertools.count()
        return Fetcher(
            accounts=self,  # type: ignore[arg-type]
            connectors=CONNECTORS,
            exchanges=self,
            ingest=self,  # type: ignore[arg-type]
            clock=lambda: NOW + timedelta(milliseconds=next(ticks)),
        )

    def order(self) -> list[tuple[str, str]]:
        """Return the lines of the order that was written, as the R-Series has them."""
        (mine,) = {
            body["orderID"]: body
            for body in map(json.loads, self.brought)
            if body["refNum"] == DRAFT.reference
        }.values()
        return sorted(
            (row["itemID"], row["quantity"]) for row in mine["OrderLines"]["OrderLine"]
        )


def asked_for(*resources: str) -> list[Record]:
    return [
        Record(topics.FETCHES, 0, number, 0, b"mill-lane", encode(a_fetch(resource, number)))
        for number, resource in enumerate(resources)
    ]


def a_fetch(resource: str, number: int) -> Fetch:
    return Fetch(
        fetch_id=f"f{number}",
        tenant_id=MILL_LANE.tenant_id,
        account_id=MILL_LANE.account_id,
        provider="lightspeed-r",
        resource=resource,
        cause_raw_id=f"r{number}",
        requested_at=NOW,
    )


def drafted(*lines: DraftLine) -> str:
    return ORDER_DRAFTS + msgspec.json.encode(replace(DRAFT, lines=lines)).decode()


@pytest.mark.parametrize("order", list(itertools.permutations(LINES))[:3])
async def test_an_order_that_is_pushed_several_times_at_once_has_each_line_once(
    order: tuple[DraftLine, ...],
) -> None:
    larder = Larder()
    pushes = asked_for(drafted(*LINES), drafted(*order), drafted(*LINES))
    effects = await larder.fetcher().handle(pushes)
    assert effects.rejected == []
    assert larder.order() == [("1", "24"), ("3", "6"), ("5", "12")]
    writes = [one for one in larder.client.asked if one.method != "GET"]
    assert len(writes) == 1 + len(LINES) + 1
    assert larder.most == 1


async def test_the_first_of_two_orders_of_one_reference_is_the_one_that_is_written() -> None:
    larder = Larder()
    effects = await larder.fetcher().handle(asked_for(drafted(*LINES), drafted(LINES[0])))
    (letter,) = effects.rejected
    assert letter.record.offset == 1
    assert letter.error_type == "provider-refused"
    assert larder.order() == [("1", "24"), ("3", "6"), ("5", "12")]


async def test_what_is_only_fetched_waits_for_no_order() -> None:
    larder = Larder()
    fetched = (f"items/{number}" for number in range(1, 5))
    await larder.fetcher().handle(asked_for(drafted(*LINES), *fetched))
    assert larder.most > 1
