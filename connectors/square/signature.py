"""Whether a webhook was signed by Square."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest

from connectors.contract import Delivery, SigningKey

HEADER = "x-square-hmacsha256-signature"


def authentic(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
    """
    Say whether any key valid `now` made the signature over URL and exact body.

    An empty body is never authentic, and all keys are compared in constant time, so that time
    tells nobody which of them, or how much of it, was right.

    Source: developer.squareup.com/docs/webhooks/step3validate
    """
    given = delivery.headers.get(HEADER, "").encode("utf-8", "replace")
    message = delivery.url.encode("utf-8", "replace") + delivery.body
    good = False
    for key in keys:
        if not key.secret or (key.valid_until is not None and key.valid_until < now):
            continue
        due = b64encode(digest(key.secret.encode(), message, sha256))
        good |= compare_digest(due, given)
    return good and bool(delivery.body)
