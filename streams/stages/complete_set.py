"""What is gone: the provider's own complete set beside what is known of the account."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from connectors.contract import Rejected
from streams.stages.kinds import T

FEW = 20
"""Deletions that are believed however little is known."""


def absent(
    known: Iterable[T], ids: frozenset[str], as_of_us: int, id_of: Callable[[T], str]
) -> list[T] | Rejected:
    """
    Return what is known and was deleted, or is back, as it is now.

    Refused when it would delete more than half: an error at the provider looks like emptiness,
    a shop that has closed does not.

    Args:
        ids: all that there is, in the provider's words.
        as_of_us: when that was so, microseconds; what changed later is not meant.
    """
    older: list[T] = [one for one in known if one.version < as_of_us]
    there = [one for one in older if not one.deleted]
    gone: list[T] = [one for one in there if id_of(one) not in ids]
    if not ids or (len(gone) > FEW and 2 * len(gone) > len(there)):
        return Rejected(
            "unreadable",
            f"the provider names {len(ids)} of them: {len(gone)} of {len(there)} known "
            "ones would be deleted at once, which is not believed",
        )
    back: list[T] = [one for one in older if one.deleted and id_of(one) in ids]
    # since when, nobody says: only that it is so now
    deleted = [replace(one, deleted=True, version=as_of_us, changed_at=None) for one in gone]
    revived = [replace(one, deleted=False, version=as_of_us, changed_at=None) for one in back]
    return deleted + revived
