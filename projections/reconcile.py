"""
Two views of one business day, compared: figure by figure, then bill by bill.

Ours is the row people read and the bills it was made of; theirs is what the same reading makes
of everything that the provider has of the day, and what it has added up itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

import msgspec

from projections.sales_days import day_of
from schemas.reconciliation import BillDifference, BillState, FigureDifference
from schemas.rows import SalesDayRow
from schemas.transaction import Transaction, counts

AMOUNTS = (
    "gross",
    "discount",
    "tax",
    "tax_included",
    "net",
    "service_charge",
    "tip",
    "rounding",
    "gift_cards",
    "total",
    "unpaid",
    "refunded",
)
COUNTS = ("transactions", "sales", "refunds", "exchanges")
FIGURES = (*AMOUNTS, *COUNTS)
TENDER = "tender "
"""A tender's figure is this and its method."""
SUMMED = "summed by the provider: "
"""A figure that the provider added up itself is this and its name."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs; `figures_compared` and `bills_compared` say of how much."""

    currency: str | None
    figures_compared: int
    bills_compared: int
    figures: tuple[FigureDifference, ...]
    bills: tuple[BillDifference, ...]

    @property
    def agrees(self) -> bool:
        """Say whether nothing differs."""
        return not self.figures and not self.bills


def figures_of(row: SalesDayRow | None) -> dict[str, int]:
    """Return every figure of a day that is not zero; a day without bills has none."""
    if row is None:
        return {}
    figures = {name: getattr(row, name) for name in FIGURES}
    tenders = {f"{TENDER}{method}": amount for method, amount in row.tenders.items()}
    return {name: amount for name, amount in {**figures, **tenders}.items() if amount}


def compare(
    day: date,
    row: SalesDayRow | None,
    ours: Iterable[Transaction],
    theirs: Sequence[Transaction],
    sums: Mapping[str, int] | None = None,
    edges: Sequence[datetime] = (),
) -> Comparison:
    """
    Compare a day; bills that do not count, or count on another day, are left out.

    Args:
        row: our totals of the day.
        sums: figures that the provider added up itself. They go by the time of each row, so
            they are not compared where a bill was open at an edge of the day.
        edges: when the day begins and ends.
    """
    here = {tx.transaction_id: tx for tx in _counted(ours, day)}
    there = {tx.transaction_id: tx for tx in _counted(theirs, day)}
    total = day_of(there.values())
    known, said = figures_of(row), figures_of(total)
    figures = list(_different(said, known, {*FIGURES, *known, *said}))
    compared = len({*FIGURES, *known, *said})
    if sums and not any(_straddles(tx, edge) for tx in theirs for edge in edges):
        summed = {f"{SUMMED}{name}": amount for name, amount in sums.items()}
        mine = {f"{SUMMED}{name}": known.get(name, 0) for name in sums}
        figures += _different(summed, mine, summed)
        compared += len(summed)
    bills = tuple(_bills(here, there))
    either = row or total
    return Comparison(
        currency=None if either is None else either.currency,
        figures_compared=compared,
        bills_compared=len(here.keys() | there.keys()),
        figures=tuple(figures),
        bills=bills,
    )


def _counted(bills: Iterable[Transaction], day: date) -> Iterator[Transaction]:
    return (tx for tx in bills if counts(tx) and tx.business_day == day)


def _straddles(tx: Transaction, edge: datetime) -> bool:
    return tx.closed_at is not None and tx.occurred_at < edge <= tx.closed_at


def _different(
    theirs: Mapping[str, int], ours: Mapping[str, int], names: Iterable[str]
) -> Iterator[FigureDifference]:
    for name in sorted(names):
        their, our = theirs.get(name, 0), ours.get(name, 0)
        if their != our:
            yield FigureDifference(figure=name, theirs=their, ours=our)


def _bills(
    here: Mapping[str, Transaction], there: Mapping[str, Transaction]
) -> Iterator[BillDifference]:
    for name in sorted(here.keys() | there.keys()):
        mine, other = here.get(name), there.get(name)
        known, said = figures_of(_alone(mine)), figures_of(_alone(other))
        figures = tuple(_different(said, known, known.keys() | said.keys()))
        either = other or mine
        if either is not None and (figures or (mine is None) != (other is None)):
            yield BillDifference(
                transaction_id=name,
                provider_ids=either.provider_ids,
                state=_state(mine, other),
                figures=figures,
            )


def _alone(tx: Transaction | None) -> SalesDayRow | None:
    bills: Sequence[Transaction] = () if tx is None else (tx,)
    return day_of(bills)


def _state(ours: Transaction | None, theirs: Transaction | None) -> BillState:
    if ours is None:
        return BillState.MISSING_HERE
    return BillState.MISSING_THERE if theirs is None else BillState.DIFFERS
