"""
Ask CORE-POS for one of its stores, before there is an account.

It knows neither a time zone nor a currency: who connects it has to say them.

Source: CORE-POS/IS4C fannie/classlib2.0/data/models/op/StoresModel.php
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.access import LocationFacts, Place
from connectors.contract import Conversation, CredentialsError, Page
from connectors.corepos.asking import STORES, TODAYS_BOUNDS, array, select


class _Store(msgspec.Struct):
    storeID: str  # noqa: N815 - CORE-POS's own name of a column
    description: str | None = None


_stores = msgspec.json.Decoder(list[_Store])


def probe(place: Place) -> Conversation:
    """
    Ask for a store's name, and whether sales can be read.

    Raises:
        CredentialsError: its number is none.
    """
    if not (place.location_id.isascii() and place.location_id.isdecimal()):
        raise CredentialsError("location_id must be the store's number")
    store = (("store", place.location_id),)
    yield from select(TODAYS_BOUNDS, store)
    rows = yield from select(STORES, store)
    yield Page(resource="stores", bodies=(array(rows),))


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """Return what is known of the store; None when there is none such."""
    for page in pages:
        for store in _stores.decode(page.bodies[0]):
            return LocationFacts(
                location_id=place.location_id,
                merchant=place.merchant or "corepos",
                name=store.description or f"Store {store.storeID}",
                timezone="",
            )
    return None
