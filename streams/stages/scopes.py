"""
Scopes that an authorisation lacks: told once when it shows, and once when it is over.

What needs such a scope does not come, and all else does. A run asks only for what there is to
ask (suppliers of consignments that changed): what it does not say of a scope stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.account import Account
from schemas.events import ErrorType, PosError
from schemas.identity import derived_id
from schemas.sync import SyncControl
from streams.stages.troubles import error_of

GRANT = "reconnect the account to grant {scopes}; until then what needs it does not come"


def withheld_after(before: frozenset[str], control: SyncControl) -> frozenset[str]:
    """Return what is lacking after a run, by what was lacking before it."""
    return (before - frozenset(control.granted)) | frozenset(control.withheld)


def scope_events(
    account: Account, before: frozenset[str], control: SyncControl
) -> Iterator[PosError]:
    """Yield what people should know: which scopes are found lacking, which no longer."""
    after = withheld_after(before, control)
    for error_type, scopes in (
        (ErrorType.SCOPE_MISSING, after - before),
        (ErrorType.SCOPE_GRANTED, before - after),
    ):
        if scopes:
            yield _event(account, error_type, ", ".join(sorted(scopes)), control)


def _event(
    account: Account, error_type: ErrorType, scopes: str, control: SyncControl
) -> PosError:
    missing = error_type is ErrorType.SCOPE_MISSING
    return error_of(
        account,
        error_type,
        event_id=derived_id(error_type.value, account.account_id, control.sync_id),
        message=f"the authorisation lacks {scopes}; all else is read as before"
        if missing
        else f"the authorisation has {scopes} now",
        action=GRANT.format(scopes=scopes) if missing else None,
        at=control.at,
    )
