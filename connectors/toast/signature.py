"""Whether a webhook was signed by Toast."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest

import msgspec

from connectors.contract import Delivery, SigningKey

HEADER = "toast-signature"


class _Timed(msgspec.Struct):
    timestamp: str


_timed = msgspec.json.Decoder(_Timed)


def authentic(delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
    """
    Say whether any key valid `now` made the signature over exact body and timestamp.

    The timestamp is the text of the body's own field, appended without a separator. All keys
    are compared in constant time, so that time tells nobody which of them was right.

    Source: doc.toasttab.com platform guide, "Message signing" (that the timestamp is the body's
    own field is our reading of "body and timestamp of the webhook message")
    """
    try:
        stamp = _timed.decode(delivery.body).timestamp
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    given = delivery.headers.get(HEADER, "").encode("utf-8", "replace")
    message = delivery.body + stamp.encode("utf-8", "replace")
    good = False
    for key in keys:
        if not key.secret or (key.valid_until is not None and key.valid_until < now):
            continue
        due = b64encode(digest(key.secret.encode(), message, sha256))
        good |= compare_digest(due, given)
    return good
