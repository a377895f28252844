"""
Purchase orders: what the shops ordered each week, and what is ordered through the API.

An order is made without lines; each of them is a request of its own. The time of an order does
not move with its lines.

Source: developers.lightspeedhq.com/retail/endpoints/Order, .../OrderLine, .../Vendor
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

import msgspec

from connectors.lightspeed_r.simulator.places import HABITS
from connectors.lightspeed_r.simulator.wording import amount, few, flag, relation, stamp
from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.chance import whole
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.counter import items_of

RELATIONS = frozenset({"OrderLines", "Vendor", "CustomFieldValues", "CustomFieldValues.value"})
VENDORS = {"1": "Ridge Mill", "2": "Harbour Coffee Roasters", "3": "Lowland Dairy"}
BUYER, BUYER_NAME = "7", "Buyer"
LINES_EACH, PIECES = 3, 24
_WRITTEN = ("vendorID", "shopID", "refNum", "orderedDate", "arrivalDate", "CustomFieldValues")
_LINE = ("orderID", "itemID", "quantity", "price", "originalPrice")

_fields = msgspec.json.Decoder(dict[str, str | int | Json])


class _Value(msgspec.Struct):
    customFieldID: str  # noqa: N815 - the provider's own name
    value: str


class _Values(msgspec.Struct):
    CustomFieldValue: list[_Value]


class Orders:
    """The orders of all accounts; those that are written stay."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._orders: dict[str, tuple[str, Json]] = {}
        self._lines: dict[str, Json] = {}
        for shop in config.shops:
            for week in range(config.days // 7 + 1):
                self._ordered(shop, week)

    def orders(self, account: str, wanted: frozenset[str]) -> Iterator[Json]:
        """Yield the orders of an account with the relations that are wanted."""
        for owner, row in self._orders.values():
            if owner == account:
                yield self._order(row, wanted)

    def lines(self, account: str) -> Iterator[Json]:
        """Yield the lines of all orders of an account."""
        for line in self._lines.values():
            if self._orders[f"{line['orderID']}"][0] == account:
                yield line

    def vendors(self) -> Iterator[Json]:
        """Yield the vendors, who are the same everywhere."""
        for number in VENDORS:
            yield self._vendor(number)

    def write(self, account: str, kind: str, number: str, body: bytes, now: datetime) -> Json:
        """
        Make an order or a line, or change an order, and return its row.

        Raises:
            RefusedError: a field is missing or of something that there is not.
        """
        try:
            given = _fields.decode(body)
        except msgspec.DecodeError as error:
            raise RefusedError(400, "The body is no object of texts.") from error
        if kind == "OrderLine":
            return self._new_line(account, given, now)
        if number:
            return self._changed(account, number, given, now)
        return self._new_order(account, given, now)

    def _new_order(self, account: str, given: Mapping[str, object], now: datetime) -> Json:
        _must_be_known(given, _WRITTEN)
        shops = [it.location_id for it in self._config.shops if it.merchant_id == account]
        if given.get("vendorID") not in VENDORS or given.get("shopID") not in shops:
            raise RefusedError(400, "vendorID and shopID are needed.")
        number = f"{len(self._orders) + 1}"
        row = _row(number, f"{given['shopID']}", now)
        row.update({name: given[name] for name in _WRITTEN if name in given})
        if "CustomFieldValues" in given:
            row["CustomFieldValues"] = _named(given["CustomFieldValues"])
        self._orders[number] = account, row
        return self._order(row, RELATIONS)

    def _changed(
        self, account: str, number: str, given: Mapping[str, object], now: datetime
    ) -> Json:
        _must_be_known(given, _WRITTEN)
        owner, row = self._orders.get(number, ("", {}))
        if owner != account:
            raise RefusedError(404, "No such order.")
        row.update({**given, "timeStamp": stamp(whole(now))})
        return self._order(row, RELATIONS)

    def _new_line(self, account: str, given: Mapping[str, object], now: datetime) -> Json:
        _must_be_known(given, _LINE)
        order = f"{given.get('orderID')}"
        shop = next(it for it in self._config.shops if it.merchant_id == account)
        items = {f"{it.number}" for it in items_of(shop, self._config.products, HABITS)}
        if self._orders.get(order, ("", {}))[0] != account or given.get("itemID") not in items:
            raise RefusedError(400, "orderID and itemID are needed.")
        try:
            quantity, price = (Decimal(f"{given[name]}") for name in ("quantity", "price"))
        except (KeyError, InvalidOperation) as error:
            raise RefusedError(400, "quantity and price are needed.") from error
        return self._add(order, f"{given['itemID']}", quantity, f"{price:f}", now)

    def _add(self, order: str, item: str, quantity: Decimal, price: str, at: datetime) -> Json:
        number = f"{len(self._lines) + 1}"
        line: Json = {
            "orderLineID": number,
            "quantity": f"{quantity:f}",
            "price": price,
            "originalPrice": price,
            "checkedIn": "0",
            "numReceived": "0",
            "timeStamp": stamp(whole(at)),
            "total": f"{quantity * Decimal(price):f}",
            "orderID": order,
            "itemID": item,
        }
        self._lines[number] = line
        return line

    def _ordered(self, shop: SimulatedShop, week: int) -> None:
        """Make the order of a week; those before the last have come in and are finished."""
        at = self._config.now - timedelta(days=7 * week + 2)
        number, items = (
            f"{len(self._orders) + 1}",
            items_of(shop, self._config.products, HABITS),
        )
        row = _row(number, shop.location_id, at)
        row |= {"vendorID": f"{week % len(VENDORS) + 1}", "orderedDate": stamp(at)}
        row |= {"refNum": f"W{week:03d}", "arrivalDate": stamp(at + timedelta(days=2))}
        value: Json = {"customFieldID": BUYER, "name": BUYER_NAME, "value": f"Till {week % 2}"}
        row["CustomFieldValues"] = {"CustomFieldValue": value}
        if week:
            row |= {"complete": flag(given=True), "receivedDate": row["arrivalDate"]}
        self._orders[number] = shop.merchant_id, row
        for item in items[week % 2 :: 2][: LINES_EACH - week % LINES_EACH]:
            cost = amount(item.price * Decimal("0.4"))
            line = self._add(number, f"{item.number}", Decimal(PIECES), cost, at)
            line["numReceived"] = f"{PIECES if week else 0}"

    def _order(self, row: Json, wanted: frozenset[str]) -> Json:
        told = {name: value for name, value in row.items() if name != "CustomFieldValues"}
        lines = [it for it in self._lines.values() if it["orderID"] == row["orderID"]]
        told["totalQuantity"] = f"{sum(Decimal(str(it['quantity'])) for it in lines):f}"
        if "OrderLines" in wanted:
            told |= relation("OrderLines", "OrderLine", lines)
        if "Vendor" in wanted:
            told["Vendor"] = self._vendor(f"{row['vendorID']}")
        if "CustomFieldValues" in wanted and "CustomFieldValues" in row:
            told["CustomFieldValues"] = row["CustomFieldValues"]
        return told

    def _vendor(self, number: str) -> Json:
        at = stamp(self._config.now - timedelta(days=self._config.days))
        return {
            "vendorID": number,
            "name": VENDORS[number],
            "archived": flag(given=False),
            "accountNumber": "",
            "timeStamp": at,
        }


def _named(given: object) -> Json:
    """Return values of custom fields with the names that the merchant gave these."""
    try:
        values = msgspec.convert(given, _Values).CustomFieldValue
    except msgspec.ValidationError as error:
        raise RefusedError(400, "CustomFieldValues are not as they are read.") from error
    if unknown := {one.customFieldID for one in values} - {BUYER}:
        raise RefusedError(400, f"No such custom field: {min(unknown)}.")
    rows: list[Json] = [
        {"customFieldID": one.customFieldID, "name": BUYER_NAME, "value": one.value}
        for one in values
    ]
    return few("CustomFieldValue", rows)


def _row(number: str, shop: str, at: datetime) -> Json:
    return {
        "orderID": number,
        "shipInstructions": "",
        "stockInstructions": "",
        "shipCost": "0",
        "otherCost": "0",
        "complete": flag(given=False),
        "archived": flag(given=False),
        "discount": "0",
        "totalDiscount": "0",
        "timeStamp": stamp(whole(at)),
        "vendorID": "0",
        "noteID": "0",
        "shopID": shop,
    }


def _must_be_known(given: Mapping[str, object], names: Sequence[str]) -> None:
    if unknown := given.keys() - set(names):
        raise RefusedError(400, f"{min(unknown)} cannot be written here.")
