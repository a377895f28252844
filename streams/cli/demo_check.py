"""The check of the demo: our totals beside those of the simulated shops, to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from connectors.simulation.truth import Totals

_DAY_FIGURES = (
    "gross",
    "discount",
    "tax",
    "tax_included",
    "net",
    "service_charge",
    "tip",
    "gift_cards",
    "total",
    "refunded",
    "transactions",
    "sales",
    "refunds",
    "exchanges",
)
_PRODUCT_FIGURES = ("gross", "discount", "net")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is not the same on both sides; text, so that decimals stay exact."""

    where: str
    figure: str
    theirs: str
    ours: str


class Check(msgspec.Struct, kw_only=True):
    """How many figures were compared, and those that differ."""

    figures: int = 0
    differences: list[Difference] = msgspec.field(default_factory=list)

    def compare(self, where: str, figure: str, theirs: object, ours: object) -> None:
        """Compare one figure."""
        self.figures += 1
        if theirs != ours:
            self.differences.append(
                Difference(where=where, figure=figure, theirs=str(theirs), ours=str(ours))
            )

    def and_of(self, other: Check) -> Check:
        """Return both checks as one."""
        return Check(
            figures=self.figures + other.figures,
            differences=[*self.differences, *other.differences],
        )


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """What our API says of one account: items as it gives them."""

    location_id: str
    sales_days: list[Any]
    sales: list[Any]
    inventory: list[Any]


def check(totals: Totals, accounts: Iterable[Ours]) -> Check:
    """Compare every figure of every day, product and stock of the accounts."""
    result = Check()
    for ours in accounts:
        _days(result, totals, ours)
        _products(result, totals, ours)
        _stock(result, totals.stock.get(ours.location_id, {}), ours)
    return result


def _days(result: Check, totals: Totals, ours: Ours) -> None:
    theirs = {day.isoformat(): row for day, row in totals.of(ours.location_id).items()}
    known = {row["business_day"]: row for row in ours.sales_days}
    for day in sorted(theirs.keys() | known.keys()):
        their, our, where = theirs.get(day), known.get(day, {}), f"{ours.location_id} {day}"
        for figure in _DAY_FIGURES:
            result.compare(
                where, figure, getattr(their, figure) if their else 0, our.get(figure, 0)
            )
        tenders = their.tenders if their else {}
        for method in sorted(tenders.keys() | our.get("tenders", {}).keys()):
            amount = our.get("tenders", {}).get(method, 0)
            result.compare(where, f"tender {method}", tenders.get(method, 0), amount)


def _products(result: Check, totals: Totals, ours: Ours) -> None:
    known = {(row["business_day"], row["pos_product_id"]): row for row in ours.sales}
    theirs = {
        (day.isoformat(), key): product
        for day, row in totals.of(ours.location_id).items()
        for key, product in row.products.items()
    }
    for name in sorted(theirs.keys() | known.keys()):
        their, our = theirs.get(name), known.get(name, {})
        where = f"{ours.location_id} {name[0]} {name[1]}"
        for figure in _PRODUCT_FIGURES:
            result.compare(
                where, figure, getattr(their, figure) if their else 0, our.get(figure, 0)
            )
        units = their.units if their else Decimal(0)
        result.compare(where, "units", units, Decimal(our.get("units", 0)))


def _stock(result: Check, theirs: Mapping[str, Decimal], ours: Ours) -> None:
    known = dict(_on_hand(ours.inventory))
    for product, quantity in sorted(theirs.items()):
        where = f"{ours.location_id} {product}"
        result.compare(where, "on hand", quantity, known.get(product))


def _on_hand(inventory: Iterable[Any]) -> Iterator[tuple[str, Decimal | None]]:
    for row in inventory:
        on_hand = row["on_hand"]
        yield row["pos_product_id"], None if on_hand is None else Decimal(on_hand)
