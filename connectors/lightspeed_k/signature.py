"""Whether a webhook comes from K-Series."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest

from connectors.contract import Delivery, SigningKey


def authentic(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
    """
    Say whether the delivery carries user name and password that were registered.

    K-Series signs nothing: a key's secret is "user:password", as given when the endpoint was
    made `withBasicAuth`. All keys are compared in constant time.

    Source: api-docs.lsk.lightspeed.app, Order and Pay: Webhook (create endpoint)
    """
    given = delivery.headers.get("authorization", "").encode("utf-8", "replace")
    good = False
    for key in keys:
        if not key.secret or (key.valid_until is not None and key.valid_until < now):
            continue
        due = b"Basic " + b64encode(key.secret.encode())
        good |= compare_digest(due, given)
    return good and bool(delivery.body)
