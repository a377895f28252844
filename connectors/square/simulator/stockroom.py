"""
The stock of one bakery: baked in the morning, thrown away at night, counted now and then.

Square's count is what this says: the last physical count and what moved after it, by the time
at which it happened; sales and refunds move stock, too.

Source: developer.squareup.com/docs/inventory-api/what-it-does
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from connectors.simulation.chance import MILLISECOND, Chance, whole
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.shelves import Stock
from connectors.square.simulator.bills import Json
from connectors.square.simulator.shop_window import ShopWindow, Variation
from connectors.square.simulator.timeline import Happening
from connectors.square.simulator.wording import stamp

SUNDAY = 6
TELLS = 300


class Stockroom:
    """Makes the changes of stock of one bakery."""

    def __init__(self, config: SimulatorConfig, place: int, window: ShopWindow) -> None:
        self._config, self._place, self._window = config, place, window
        self._bakery: SimulatedShop = config.shops[place]
        self._chance = Chance(config.seed, "stock", place)
        self.happenings: list[Happening] = []

    def history(self, days: list[date]) -> None:
        """Keep the stock of whole days; everything is counted before the first one."""
        for number, day in enumerate(days):
            if number == 0:
                self.count(self._clock(day, 4))
            self._receive(self._clock(day, 5))
            self._throw_away(self._clock(day, 20))
            if day.weekday() == SUNDAY:
                self.count(self._clock(day, 21))

    def today(self) -> None:
        """Keep the stock of the live trade: received early, half of it counted midway."""
        length = timedelta(seconds=self._config.live_seconds)
        if not self._config.days:
            self.count(self._config.now - timedelta(hours=1))
        self._receive(whole(self._config.now + length // 10))
        self.count(whole(self._config.now + length // 2), share=500)

    def _clock(self, day: date, hour: int) -> datetime:
        calendar = self._bakery.calendar
        midnight = calendar.local(calendar.begins(day))
        return midnight.replace(hour=hour, minute=0, second=0).astimezone(UTC)

    def count(self, at: datetime, share: int = 1000) -> None:
        """Count the shelves, or a share of them."""
        for number, goods in enumerate(self._window.at(at)):
            if self._chance.happens(share):
                moment = at + number * MILLISECOND
                found = self._some(goods, 20, 90)
                self._physical(goods, found, moment)

    def _receive(self, at: datetime) -> None:
        for number, goods in enumerate(self._window.at(at)):
            if self._chance.happens(400):
                came = self._some(goods, 10, 40)
                self._adjusted(goods, came, at + number * MILLISECOND, "NONE", "IN_STOCK")

    def _throw_away(self, at: datetime) -> None:
        for number, goods in enumerate(self._window.at(at)):
            if self._chance.happens(150):
                gone = self._some(goods, 1, 6)
                self._adjusted(goods, gone, at + number * MILLISECOND, "IN_STOCK", "WASTE")

    def _some(self, goods: Variation, least: int, most: int) -> Decimal:
        if goods.weighed:
            return Decimal(self._chance.randrange(least * 1000, most * 1000)).scaleb(-3)
        return Decimal(self._chance.randrange(least, most))

    def _physical(self, goods: Variation, found: Decimal, at: datetime) -> None:
        body: Json = {
            "type": "PHYSICAL_COUNT",
            "physical_count": {
                "id": (name := self._chance.id(24).upper()),
                "catalog_object_id": goods.variation_id,
                "catalog_object_type": "ITEM_VARIATION",
                "state": "IN_STOCK",
                "location_id": self._bakery.location_id,
                "quantity": f"{found}",
                "source": {"product": "SQUARE_POS"},
                "occurred_at": stamp(at),
                "created_at": stamp(at),
            },
        }
        word = Stock(key=goods.variation_id, at=at, counted=found)
        self._tell(name, at, body, word)

    def _adjusted(
        self, goods: Variation, moved: Decimal, at: datetime, out_of: str, into: str
    ) -> None:
        name = self._chance.id(24).upper()
        body: Json = {
            "type": "ADJUSTMENT",
            "adjustment": {
                "id": name,
                "from_state": out_of,
                "to_state": into,
                "from_location_id": self._bakery.location_id,
                "to_location_id": self._bakery.location_id,
                "catalog_object_id": goods.variation_id,
                "catalog_object_type": "ITEM_VARIATION",
                "quantity": f"{moved}",
                "occurred_at": stamp(at),
                "created_at": stamp(at),
                "source": {"product": "SQUARE_POS"},
            },
        }
        sign = 1 if into == "IN_STOCK" else -1
        word = Stock(key=goods.variation_id, at=at, moved=sign * moved)
        self._tell(name, at, body, word)

    def sold(self, sales: Iterable[Happening]) -> None:
        """Tell, of some sales, the movement that Square itself makes of them."""
        for sale in sales:
            first = sale.figures.lines[0] if sale.figures and sale.figures.lines else None
            if first is None or first.key.startswith("custom:") or first.gift_card:
                continue
            if first.units <= 0 or not self._chance.happens(30):
                continue
            name = self._chance.id(24).upper()
            body: Json = {
                "type": "ADJUSTMENT",
                "adjustment": {
                    "id": name,
                    "from_state": "IN_STOCK",
                    "to_state": "SOLD",
                    "from_location_id": self._bakery.location_id,
                    "to_location_id": self._bakery.location_id,
                    "catalog_object_id": first.key,
                    "catalog_object_type": "ITEM_VARIATION",
                    "quantity": f"{first.units}",
                    "occurred_at": stamp(sale.at),
                    "created_at": stamp(sale.at),
                    "transaction_id": sale.id,
                },
            }
            self._tell(name, sale.at, body, None, first.key)

    def _tell(
        self, name: str, at: datetime, body: Json, word: Stock | None, about: str = ""
    ) -> None:
        told = self._chance.happens(TELLS)
        self.happenings.append(
            Happening(
                at=at,
                kind="change",
                id=name,
                place=self._place,
                merchant_id=self._bakery.merchant_id,
                location_id=self._bakery.location_id,
                created_at=at,
                body=msgspec.json.encode(body),
                events=("inventory.count.updated",) if told else (),
                stock=word,
                count_of=about if word is None else word.key,
            )
        )
