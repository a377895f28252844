"""Reconciliation: our totals of a business day beside the provider's own."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec


class Agreement(StrEnum):
    """What a comparison found; UNKNOWN while there was none, or the provider did not answer."""

    UNKNOWN = "unknown"
    AGREES = "agrees"
    DIFFERS = "differs"


class BillState(StrEnum):
    """How one transaction differs."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    DIFFERS = "differs"


class FigureDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is not the same on both sides; minor units, or a count."""

    figure: str
    theirs: int
    ours: int


class BillDifference(msgspec.Struct, frozen=True, kw_only=True):
    """
    One transaction that explains a difference.

    Args:
        provider_ids: the provider's own ids by kind, for looking it up there.
    """

    transaction_id: str
    provider_ids: dict[str, str]
    state: BillState
    figures: tuple[FigureDifference, ...]


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """
    One business day of one account compared: the row of `pos.reconciliations`.

    Args:
        asked_at: when it was last asked for; later than `compared_at` while it is to be done.
        sync_id: the run that looked at the day again before it was called different.
        unreadable: bodies of the provider's that could not be read; they may explain it all.
        transactions: those that differ, at most `MAX_NAMED`; `transactions_differing` are all.
        error: why the provider could not be asked, in our words.
    """

    tenant_id: str
    account_id: str
    pos_provider: str
    business_day: date
    currency: str | None = None
    agreement: Agreement = Agreement.UNKNOWN
    asked_at: datetime
    compared_at: datetime | None = None
    sync_id: str | None = None
    figures_compared: int = 0
    transactions_compared: int = 0
    unreadable: int = 0
    figures: tuple[FigureDifference, ...] = ()
    transactions: tuple[BillDifference, ...] = ()
    transactions_differing: int = 0
    error: str | None = None

    @property
    def is_open(self) -> bool:
        """Say whether it was asked for and has not been done yet."""
        return self.compared_at is None or self.compared_at < self.asked_at


MAX_NAMED = 50
"""Transactions that a reconciliation names, so that a record stays small."""
