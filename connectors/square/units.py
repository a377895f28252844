"""Quantities and units as Square writes them."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from connectors.square.wire import MeasurementUnit, QuantityUnit
from connectors.troubles import UnreadableError
from schemas.quantity import EACH, plain

_QUANTITY = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,5})?", re.ASCII)

_SYMBOLS = {
    "METRIC_MILLIGRAM": "mg",
    "METRIC_GRAM": "g",
    "METRIC_KILOGRAM": "kg",
    "IMPERIAL_WEIGHT_OUNCE": "oz",
    "IMPERIAL_POUND": "lb",
    "IMPERIAL_STONE": "st",
    "METRIC_MILLILITER": "ml",
    "METRIC_LITER": "l",
    "GENERIC_FLUID_OUNCE": "fl oz",
    "GENERIC_SHOT": "shot",
    "GENERIC_CUP": "cup",
    "GENERIC_PINT": "pt",
    "GENERIC_QUART": "qt",
    "GENERIC_GALLON": "gal",
    "IMPERIAL_CUBIC_INCH": "in3",
    "IMPERIAL_CUBIC_FOOT": "ft3",
    "IMPERIAL_CUBIC_YARD": "yd3",
    "METRIC_MILLIMETER": "mm",
    "METRIC_CENTIMETER": "cm",
    "METRIC_METER": "m",
    "METRIC_KILOMETER": "km",
    "IMPERIAL_INCH": "in",
    "IMPERIAL_FOOT": "ft",
    "IMPERIAL_YARD": "yd",
    "IMPERIAL_MILE": "mi",
    "METRIC_SQUARE_CENTIMETER": "cm2",
    "METRIC_SQUARE_METER": "m2",
    "METRIC_SQUARE_KILOMETER": "km2",
    "IMPERIAL_SQUARE_INCH": "in2",
    "IMPERIAL_SQUARE_FOOT": "ft2",
    "IMPERIAL_SQUARE_YARD": "yd2",
    "IMPERIAL_SQUARE_MILE": "mi2",
    "IMPERIAL_ACRE": "acre",
    "GENERIC_MILLISECOND": "ms",
    "GENERIC_SECOND": "s",
    "GENERIC_MINUTE": "min",
    "GENERIC_HOUR": "h",
    "GENERIC_DAY": "d",
    "UNIT": EACH,
}

# Neither pieces nor anything we could name; a sum over it must not pretend to be pieces.
UNNAMED = "unit"


@lru_cache(maxsize=4096)
def stock_quantity(text: str) -> Decimal:
    """
    Read a decimal text of at most five places; stock may be negative.

    Raises:
        UnreadableError: it is not one.

    Source: developer.squareup.com/reference/square/objects/InventoryCount
    """
    if not _QUANTITY.fullmatch(text):
        raise UnreadableError("a quantity is not a decimal number of at most five places")
    return plain(Decimal(text))


@lru_cache(maxsize=4096)
def sold_quantity(text: str) -> Decimal:
    """
    Read how much was sold or came back: never negative, the side of the bill is the sign.

    Raises:
        UnreadableError: it is not such a number.

    Source: developer.squareup.com/reference/square/objects/OrderLineItem
    """
    quantity = stock_quantity(text)
    if quantity < 0:
        raise UnreadableError("a line's quantity is negative")
    return quantity


def unit_of(given: QuantityUnit | None) -> str:
    """Return the unit's symbol; pieces where nothing is said."""
    if given is None:
        return EACH
    measure = given.measurement_unit
    if measure is None:
        return UNNAMED
    return _symbol(measure)


def _symbol(measure: MeasurementUnit) -> str:
    if measure.custom_unit is not None:
        return (measure.custom_unit.abbreviation or UNNAMED).lower()[:16]
    names = (
        measure.weight_unit,
        measure.volume_unit,
        measure.length_unit,
        measure.area_unit,
        measure.time_unit,
        measure.generic_unit,
    )
    return next((_SYMBOLS.get(name, UNNAMED) for name in names if name), UNNAMED)
