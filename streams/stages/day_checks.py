"""What comparisons of days found, and what people are told when that changes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from schemas.account import Account
from schemas.codec import pack, unpack
from schemas.events import ErrorType, PosError
from schemas.identity import derived_id
from schemas.reconciliation import Agreement, Reconciliation
from streams.log import Out, Rows, StateView
from streams.stages.reading import Reading, row_key
from streams.stages.tables import row_out
from streams.stages.troubles import error_of

LOOK = (
    "compare the named transactions with the provider's own report of the day; "
    "see GET /api/v1/pos/accounts/{account_id}/reconciliation"
)


class DayBook:
    """The days that a chunk's control records speak of."""

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._days: dict[bytes, Reconciliation] = {}

    def control(self, reading: Reading, said: Reconciliation) -> Iterator[PosError]:
        """Take in that a day is asked for or was compared; yield what people should know."""
        key = row_key(said.account_id, said.business_day.isoformat())
        known = self._known(key)
        self._days[key] = after = merged(known, said)
        before = Agreement.UNKNOWN if known is None else known.agreement
        if said.compared_at is not None and after.agreement is not before:
            match after.agreement:
                case Agreement.DIFFERS:
                    yield _event(reading.account, after, ErrorType.RECONCILIATION_DIFFERENCE)
                case Agreement.AGREES if before is Agreement.DIFFERS:
                    yield _event(reading.account, after, ErrorType.RECONCILIATION_SETTLED)
                case Agreement.AGREES | Agreement.UNKNOWN:
                    pass

    def _known(self, key: bytes) -> Reconciliation | None:
        if key in self._days:
            return self._days[key]
        row = self._state.get("reconciliations", [key])[0]
        return None if row is None else unpack(Reconciliation, row)

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows and their public records."""
        rows: Rows = {key: pack(day) for key, day in self._days.items()}
        return rows, [row_out(key, day) for key, day in sorted(self._days.items())]


def merged(known: Reconciliation | None, said: Reconciliation) -> Reconciliation:
    """Return the row after a control record: an asking, or a trouble, leaves what was found."""
    if known is None:
        return said
    if said.compared_at is not None:
        return replace(said, asked_at=max(known.asked_at, said.asked_at))
    return replace(known, asked_at=max(known.asked_at, said.asked_at), error=said.error)


def _event(account: Account, day: Reconciliation, error_type: ErrorType) -> PosError:
    at = day.compared_at or day.asked_at
    differs = error_type is ErrorType.RECONCILIATION_DIFFERENCE
    named = ", ".join(one.figure for one in day.figures) or "transactions"
    message = (
        f"{day.business_day}: {day.transactions_differing} transactions differ from the "
        f"provider's, in {named}"
        if differs
        else f"{day.business_day}: agrees with the provider again"
    )
    return error_of(
        account,
        error_type,
        event_id=derived_id(
            error_type.value, account.account_id, f"{day.business_day} {at.isoformat()}"
        ),
        message=message,
        action=LOOK if differs else None,
        at=at,
    )
