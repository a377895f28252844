"""What the demo shows at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from schemas.money import Money
from streams.cli.console import table
from streams.cli.demo_check import Check

DAYS_SHOWN, PRODUCTS_SHOWN = 7, 8


def money(minor: int, currency: str) -> str:
    """Write minor units as people do."""
    return str(Money(minor, currency))


def figure(minor: int, currency: str) -> str:
    """Write minor units without the currency, for columns that name it once."""
    return money(minor, currency).partition(" ")[0]


def show_days(location: str, rows: Sequence[Any]) -> None:
    """Show the last days of one account."""
    newest = sorted(rows, key=lambda row: row["business_day"])[-DAYS_SHOWN:]
    columns = ("day", ">bills", ">refunds", ">net", ">tax", ">tips", ">total")
    currency = newest[-1]["currency"] if newest else ""
    table(
        f"Sales by day: {location} (last {len(newest)} of {len(rows)} days, {currency})",
        columns,
        (
            (
                row["business_day"],
                row["transactions"],
                row["refunds"],
                figure(row["net"], row["currency"]),
                figure(row["tax"], row["currency"]),
                figure(row["tip"], row["currency"]),
                figure(row["total"], row["currency"]),
            )
            for row in newest
        ),
    )


class Best(msgspec.Struct, kw_only=True):
    """What one product sold over all days; `net` in minor units."""

    pos_product_id: str
    name: str
    product_id: str | None
    currency: str
    units: Decimal = Decimal(0)
    net: int = 0


def best_products(rows: Iterable[Any]) -> list[Best]:
    """Return what sold best in one account."""
    sums: dict[str, Best] = {}
    for row in rows:
        product = sums.setdefault(
            row["pos_product_id"],
            Best(
                pos_product_id=row["pos_product_id"],
                name=row["name"],
                product_id=row["product_id"],
                currency=row["currency"],
            ),
        )
        product.units += Decimal(row["units"])
        product.net += row["net"]
    return sorted(sums.values(), key=lambda product: -product.net)[:PRODUCTS_SHOWN]


def show_products(location: str, rows: Iterable[Any]) -> None:
    """Show what sold best in one account."""
    table(
        f"Top products: {location}",
        ("product", "mapped to", ">units", ">net"),
        (
            (
                best.name,
                best.product_id or "-",
                f"{best.units.normalize():f}",
                money(best.net, best.currency),
            )
            for best in best_products(rows)
        ),
    )


def show_inventory(location: str, rows: Sequence[Any]) -> None:
    """Show what is nearly gone in one account; below zero is shown as it is."""
    counted = [row for row in rows if row["on_hand"] is not None]
    lowest = sorted(counted, key=lambda row: Decimal(row["on_hand"]))[:PRODUCTS_SHOWN]
    table(
        f"Inventory: {location} (lowest of {len(counted)} counted)",
        ("product", ">on hand", ">sold since", "counted at (UTC)"),
        (
            (row["name"], row["on_hand"], row["sold_since"], row["counted_at"][:16])
            for row in lowest
        ),
    )


def show_unmapped(rows: Sequence[Any]) -> None:
    """Show the revenue that nobody has mapped."""
    table(
        "Unmapped revenue",
        ("product", ">net it would move", ">bills", "suggestion"),
        (
            (
                row["name"],
                money(row["moves"]["net"], row["moves"]["currency"]),
                row["moves"]["transactions"],
                _suggestion(row["suggestion"]),
            )
            for row in rows[:PRODUCTS_SHOWN]
        ),
    )


def _suggestion(suggestion: Any) -> str:
    if suggestion is None:
        return "-"
    return f"{suggestion['product_id']} ({suggestion['confidence']:.0%})"


def show_syncs(rows: Sequence[tuple[str, Any]]) -> None:
    """Show the sync runs."""
    columns = (
        "account",
        "kind",
        "status",
        ">fetched",
        ">new",
        ">updated",
        ">known",
        ">rejected",
    )
    names = ("kind", "status", "fetched", "new", "updated", "duplicates", "rejected")
    table(
        "Sync runs",
        columns,
        ((location, *(row[name] for name in names)) for location, row in rows),
    )


def show_check(result: Check) -> None:
    """Show the verdict, and the first differences where there are any."""
    verdict = "equal to the cent" if not result.differences else "DIFFERENT"
    table(
        "Our totals beside the shops' own",
        ("figures compared", "differ", "verdict"),
        [(result.figures, len(result.differences), verdict)],
    )
    if result.differences:
        table(
            "Differences",
            ("where", "figure", ">theirs", ">ours"),
            ((it.where, it.figure, it.theirs, it.ours) for it in result.differences[:40]),
        )
