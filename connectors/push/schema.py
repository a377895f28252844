"""The published JSON Schema of what is handed in."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.push.wire import ITEMS_MAX, PushedTransaction

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12): one transaction, or a list of them."""
    (one,), definitions = msgspec.json.schema_components(
        [PushedTransaction], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": DIALECT,
        "$id": "urn:tillstream:push:transactions",
        "title": "Transactions of a till of one's own",
        "oneOf": [
            dict(one),
            {"type": "array", "items": dict(one), "minItems": 1, "maxItems": ITEMS_MAX},
        ],
        "$defs": definitions,
    }
