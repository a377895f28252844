"""
The job that both engines do; standard library only, as it runs in two environments.

Orders come in, some twice and some in a newer version. Stage one keeps the newest version of
each and says what changed: `{"before": …, "after": …}`. Stage two takes `before` back from the
rows of days, stock and unmapped products, adds `after`, and puts out every row that changed.
A row is `[units, gross, tax]`, its key says what of: `s|account|day|product` and so on.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LANES = 4
ACCOUNTS = 64
PRODUCTS = 2000
UNMAPPED_EVERY = 5
REDELIVERED, NEWER = 0.10, 0.03
RECENT = 5000
"""Orders that a redelivery or a newer version may be of."""

RAW, CHANGES, ROWS = "raw", "changes", "rows"
Json = dict[str, Any]
Row = list[int]


def orders(count: int, *, seed: int = 7, own_product: bool = False) -> Iterator[Json]:
    """
    Yield raw events of about a kilobyte.

    Args:
        own_product: no repetitions, and each order begins with a product that no other has:
            the first row of that product then tells when this very order was visible.
    """
    chance, recent = random.Random(seed), list[Json]()
    for number in range(count):
        dice = 1.0 if own_product else chance.random()
        if recent and dice < REDELIVERED:
            yield chance.choice(recent)
            continue
        if recent and dice < REDELIVERED + NEWER:
            at = chance.randrange(len(recent))
            recent[at] = _changed(recent[at])
            yield recent[at]
            continue
        order = _order(chance, number, day=1 + number * 28 // count)
        if own_product:
            order["items"][0]["product"] = f"own-{number}"
        recent.append(order)
        if len(recent) > RECENT:
            recent.pop(chance.randrange(len(recent)))
        yield order


def _changed(order: Json) -> Json:
    return order | {
        "version": order["version"] + 1,
        "items": order["items"][:-1] or order["items"],
    }


def _order(chance: random.Random, number: int, *, day: int) -> Json:
    return {
        "event_id": f"{chance.getrandbits(64):016x}",
        "event_type": "order.updated",
        "version": 1,
        "account": f"account-{chance.randrange(ACCOUNTS):03d}",
        "order_id": f"order-{number:09d}",
        "closed_at": f"2026-05-{day:02d}T18:52:11.004Z",
        "currency": "GBP",
        "state": "COMPLETED",
        "items": [_item(chance, number, line) for line in range(chance.randint(1, 5))],
        "tenders": [{"id": f"pay-{number}", "type": "CARD", "brand": "VISA", "amount": 4219}],
        "metadata": {"table": "12", "guest": "a" * 24},
    }


def _item(chance: random.Random, number: int, line: int) -> Json:
    extra = {"id": f"extra-{chance.randrange(999)}", "name": "Oat milk", "amount": 25}
    return {
        "uid": f"{number:09d}-{line}",
        "product": f"product-{chance.randrange(PRODUCTS):04d}",
        "name": f"Product of line {line} with a name of some length",
        "category": "Bakery / Bread / Sourdough",
        "quantity": str(chance.randint(1, 3)),
        "base_price": {"amount": chance.randint(100, 999), "currency": "GBP"},
        "tax": {"amount": 20, "currency": "GBP"},
        "modifiers": [extra],
        "note": None,
    }


def is_mapped(product: str) -> bool:
    """Say whether the shop knows which of its own products this is."""
    return int(product.rpartition("-")[2]) % UNMAPPED_EVERY != 0


def canonical(order: Json) -> Json:
    """Return what of an order is kept."""
    lines = [
        {
            "line_id": item["uid"],
            "product": item["product"],
            "name": item["name"],
            "units": (units := int(item["quantity"])),
            "gross": units
            * (item["base_price"]["amount"] + sum(it["amount"] for it in item["modifiers"])),
            "tax": item["tax"]["amount"],
        }
        for item in order["items"]
    ]
    return {
        "id": order["order_id"],
        "version": order["version"],
        "account": order["account"],
        "day": order["closed_at"][:10],
        "currency": order["currency"],
        "gross": sum(line["gross"] for line in lines),
        "tax": sum(line["tax"] for line in lines),
        "lines": lines,
        "tenders": [{"type": it["type"], "amount": it["amount"]} for it in order["tenders"]],
    }


def add_change(net: dict[str, Row], before: Json | None, after: Json | None) -> None:
    """Add to `net` what a change does to each row that it touches."""
    for bill, sign in ((before, -1), (after, 1)):
        if bill is None:
            continue
        account, day = bill["account"], bill["day"]
        for line in bill["lines"]:
            product, units = line["product"], sign * line["units"]
            gross, tax = sign * line["gross"], sign * line["tax"]
            _add(net, f"s|{account}|{day}|{product}", units, gross, tax)
            _add(net, f"i|{account}|{product}", -units, 0, 0)
            if not is_mapped(product):
                _add(net, f"u|{account}|{day}|{product}", units, gross, 0)


def _add(net: dict[str, Row], key: str, units: int, gross: int, tax: int) -> None:
    row = net.get(key)
    if row is None:
        net[key] = [units, gross, tax]
    else:
        row[0] += units
        row[1] += gross
        row[2] += tax


def oracle(events: Iterable[Json]) -> tuple[Mapping[str, Row], int]:
    """Return the rows that must come out, and how many changes, by one loop over dicts."""
    bills, rows, changes = dict[str, Json](), dict[str, Row](), 0
    for event in events:
        bill = canonical(event)
        before = bills.get(bill["id"])
        if before is None or bill["version"] > before["version"]:
            bills[bill["id"]] = bill
            changes += 1
            add_change(rows, before, bill)
    return rows, changes
