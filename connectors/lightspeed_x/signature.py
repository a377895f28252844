"""Whether a webhook was signed by Lightspeed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest

from connectors.contract import Delivery, SigningKey

HEADER = "x-signature"
ALGORITHM = "HMAC-SHA256"


def authentic(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
    """
    Say whether any key valid `now` made the signature over the exact body.

    The header is `signature=…,algorithm=HMAC-SHA256`, the key the application's secret. Whether
    the value is written in hex or in base64 is not documented: both are taken, each of the
    full 256 bits. All keys are compared in constant time.

    Source: x-series-api.lightspeedhq.com/docs/webhooks ("Verification")
    """
    given, algorithm = _header(delivery.headers.get(HEADER, ""))
    value = given.encode("utf-8", "replace")
    good = False
    for key in keys:
        if not key.secret or (key.valid_until is not None and key.valid_until < now):
            continue
        due = digest(key.secret.encode(), delivery.body, sha256)
        good |= compare_digest(due.hex().encode(), value.lower())
        good |= compare_digest(b64encode(due), value)
    return good and bool(delivery.body) and algorithm == ALGORITHM


def _header(text: str) -> tuple[str, str]:
    """Return signature and algorithm; base64 may end in what parts a name and its value."""
    fields = dict(one.strip().partition("=")[::2] for one in text.split(","))
    return fields.get("signature", ""), fields.get("algorithm", "").upper()
