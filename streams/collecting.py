"""Garbage collection as a long-lived process wants it."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50
"""Objects until a collection, and collections until one of the next generation."""


def freeze() -> None:
    """
    Take all there is at the start for permanent, and look for garbage less often.

    Modules and lanes live as long as the process, and a full collection that walks them holds
    up webhooks for some 50 ms; records die without one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
