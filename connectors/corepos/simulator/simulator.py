"""A whole CORE-POS in memory, from one seed: the tables of its server, and its own sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import msgspec

from connectors.contract import Delivery, Response
from connectors.corepos.simulator import web
from connectors.corepos.simulator.tables import SCHEMA, Cells, Tables
from connectors.corepos.simulator.writing import DEPARTMENT, Row, dollars, key_of, rows_of, wall
from connectors.simulation.bills import Bill, BillLine, Item
from connectors.simulation.books import Books
from connectors.simulation.calls import Answer, Call
from connectors.simulation.chance import Chance, whole
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.counter import Habits, items_of
from connectors.simulation.goods import OwnProduct, own_products
from connectors.simulation.shelves import Stock
from connectors.simulation.truth import Figures, Totals

HABITS = Habits(
    gift_cards=0,
    modifiers=0,
    line_discounts=0,
    service_charges=0,
    gratuities=0,
    tips=0,
    tips_later=0,
    voided_later=0,
    discounted_returns=False,
)
"""
CORE-POS knows no tips, charges or modifiers; what a shop takes off one line is in its price,
and what undoes a paid sale is a transaction of its own. Its discount is of a whole sale: whose
share a returned line bears is nowhere written.
"""

NIGHTLY = time(0, 30)
WEB_SERVICE = "/fannie/ws/"
_LONGEST_NAME = 30


def stores(count: int) -> tuple[SimulatedShop, ...]:
    """Return the stores of one server; a token's "{database}" is where it is served."""
    return tuple(
        SimulatedShop(
            merchant_id="corepos",
            location_id=f"{number}",
            name=f"Co-op Store {number}",
            token="mysql://simulated@{database}/?tls=off",  # noqa: S106 - nothing is behind it
            timezone="America/Chicago",
            country="US",
            currency="USD",
            inclusive=False,
            food_tax="0",
            drink_tax="6.875",
        )
        for number in range(1, count + 1)
    )


class CoreposSimulator:
    """
    Deterministic, as `connectors.simulation.simulator.Simulator` says; it has no webhooks.

    It is asked by SQL: `schema` says what tables there are, `select` answers; or, for what the
    office has, by the web service.
    """

    schema = SCHEMA

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = msgspec.structs.replace(
            config, now=whole(config.now.astimezone(UTC)), shops=config.shops or stores(2)
        )
        self._items = items_of(self.config.shops[0], self.config.products, HABITS)
        self._books = Books(
            self.config, HABITS, key=key_of, name=_receipt, stock=list(self._counted())
        )
        self._tables = Tables()
        self._tables.put("Stores", self._stores())
        self._tables.put("products", self._products())
        self._tables.put("departments", _departments())
        self._tables.put("vendors", _vendors())
        self._tables.put("custdata", _members())
        self._tables.put("InventoryCounts", self._counts())
        self._told = 0
        self._night = self._nights_begin()
        self.release(self.config.now)

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self._books.ends

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call of the web service; there is nothing else behind HTTP."""
        del now
        if (call.method, call.path) != ("POST", WEB_SERVICE):
            return Answer(response=Response(status=404, body=b"{}"))
        said = Response(
            status=200,
            body=web.answer(call.body, self._tables),
            headers={"content-type": "application/json"},
        )
        return Answer(response=said)

    def select(self, text: str) -> tuple[list[Cells], list[str]]:
        """Return rows and columns; errors as in `Tables.select`."""
        return self._tables.select(text)

    def change(self, text: str) -> None:
        """Have the office change its tables by a statement in SQLite's dialect."""
        self._tables.change(text)

    def release(self, until: datetime) -> None:
        """Let tills upload and nights pass up to a time."""
        until = min(until, self.ends)
        told = self._books.told
        while self._told < len(told) and told[self._told].known_at <= until:
            bill = told[self._told]
            self._sleep(bill.known_at)
            self._tables.ring(rows_of(bill, self.config.shops[bill.place]))
            self._told += 1
        self._sleep(until)
        self._books.release(until)

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        """Release all there is; nothing is delivered."""
        del since
        self.release(self.ends)
        yield from ()

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return it as it is; nothing is ever delivered."""
        del attempt, timed_out
        return delivery

    def revoke(self, merchant: str, at: datetime) -> None:
        """Do nothing: a database user is withdrawn by its operator."""

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        return self._books.totals()

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each bill, by store, day and receipt number."""
        return self._books.bills()

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list; CORE-POS knows none of its SKUs, only UPCs."""
        return own_products(self.config.products)

    # -- nights ------------------------------------------------------------------------------

    def _nights_begin(self) -> datetime:
        first = self._books.told[0].known_at if self._books.told else self.config.now
        return self._half_past_midnight(first)

    def _half_past_midnight(self, after: datetime) -> datetime:
        """Return the next time at which the nightly task runs."""
        zone = self.config.shops[0].calendar
        day = zone.local(after).date() + timedelta(days=1)
        night = zone.local(after).replace(year=day.year, month=day.month, day=day.day)
        return night.replace(
            hour=NIGHTLY.hour, minute=NIGHTLY.minute, second=0, microsecond=0
        ).astimezone(UTC)

    def _sleep(self, until: datetime) -> None:
        while self._night <= until:
            midnight = wall(self._night, self.config.shops[0])[:10]
            self._tables.rotate(midnight)
            self._night = self._half_past_midnight(self._night)

    # -- the operational database ------------------------------------------------------------

    def _stores(self) -> Iterator[Row]:
        for shop in self.config.shops:
            yield {"storeID": int(shop.location_id), "description": shop.name}

    def _products(self) -> Iterator[Row]:
        opened = wall(self.config.now - timedelta(days=self.config.days + 30), self._first)
        for item in self._items:
            yield {
                "id": item.number,
                "upc": key_of(_line_of(item)),
                "description": f"{item.name} {item.size}".strip().upper()[:_LONGEST_NAME],
                "brand": "",
                "normal_price": dollars(item.price),
                "department": DEPARTMENT,
                "scale": int(item.weighed),
                "tax": 1 + item.tax,
                "cost": dollars(item.price // 2),
                "inUse": 1,
                "modified": opened,
                "store_id": 0,
            }

    def _counts(self) -> Iterator[Row]:
        for place, word in self._counted():
            yield {
                "upc": word.key,
                "storeID": int(self.config.shops[place].location_id),
                "count": f"{word.counted}",
                "countDate": wall(word.at, self._first),
                "mostRecent": 1,
                "par": "0",
            }

    def _counted(self) -> Iterator[tuple[int, Stock]]:
        """Yield one physical count of everything, before the first sale of the history."""
        for place in range(len(self.config.shops)):
            throw = Chance(self.config.seed, "counts", place)
            at = (self.config.now - timedelta(days=self.config.days + 1)).replace(microsecond=0)
            for item in self._items:
                counted = Decimal(throw.randrange(200, 900))
                yield place, Stock(key=key_of(_line_of(item)), at=at, counted=counted)

    @property
    def _first(self) -> SimulatedShop:
        return self.config.shops[0]


def _departments() -> Iterator[Row]:
    for number, name in ((DEPARTMENT, "GROCERY"), (DEPARTMENT + 1, "BAKERY"), (990, "MISC")):
        yield {
            "dept_no": number,
            "dept_name": name,
            "dept_tax": 0,
            "modified": "1900-01-01 00:00:00",
            "modifiedby": 1,
            "active": 1,
        }


def _vendors() -> Iterator[Row]:
    for number, name in ((1, "Wholesale Foods"), (2, "Mill and Farm")):
        yield {
            "vendorID": number,
            "vendorName": name,
            "vendorAbbreviation": name[:4].upper(),
            "phone": f"555-010{number}",
            "inactive": 0,
        }


def _members() -> Iterator[Row]:
    for number, name in enumerate(("Rivera", "Okafor", "Lindqvist"), start=1):
        yield {
            "id": number,
            "CardNo": 1000 + number,
            "personNum": 1,
            "FirstName": "Sam",
            "LastName": name,
            "Balance": "0.00",
            "Discount": 0,
            "Type": "PC",
            "memType": 1,
            "staff": 0,
        }


def _line_of(item: Item) -> BillLine:
    return BillLine(
        number=1,
        name=item.name,
        units=Decimal(1),
        unit_price=item.price,
        gross=item.price,
        item=item,
    )


def _receipt(bill: Bill) -> str:
    return f"{bill.place + 1}/{bill.number}"
