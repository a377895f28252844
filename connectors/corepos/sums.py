"""
What the rows of a transaction make together.

Source: the dlog view (rows with status X do not count) and SUM(total) = 0 over the rows of
every transaction, tenders negative
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.corepos.content import Note, Sort
from connectors.corepos.rows import CANCELLED

_INFORM_ONLY = {Sort.TAX_SHARE, Sort.RESUMES, Sort.UNDOES}


def valid(notes: Iterable[Note]) -> list[Note]:
    """Return the rows that count."""
    return [note for note in notes if note.status != CANCELLED]


def balance(notes: Iterable[Note]) -> int:
    """Return what the rows leave over, in minor units; 0 for a whole transaction."""
    return sum([note.total for note in valid(notes) if note.sort not in _INFORM_ONLY])


def is_closed(notes: Iterable[Note]) -> bool:
    """Say whether the tax row is there, which a lane writes at the end of every sale."""
    return any(note.sort is Sort.TAX for note in valid(notes))


def is_cancelled(notes: Iterable[Note]) -> bool:
    """Say whether every row is cancelled (or set aside, to be resumed under another number)."""
    return not [note for note in valid(notes) if note.sort not in _INFORM_ONLY]
