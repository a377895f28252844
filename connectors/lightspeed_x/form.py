"""
A webhook as it is posted: a form, one of whose fields is the JSON text of what changed.

Source: x-series-api.lightspeedhq.com/docs/webhooks (the field `payload`; other fields may be
there), recorded deliveries (`domain_prefix`, `retailer_id`, `environment`, `type`)
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from msgspec import Struct

from connectors.troubles import UnreadableError

_MOST_FIELDS = 32


class Form(Struct, frozen=True):
    """The fields that we read; `merchant` is the store's own prefix, else its id."""

    payload: bytes
    merchant: str
    type: str


def is_form(body: bytes) -> bool:
    """Say whether a body looks like a form and not like JSON."""
    return body.lstrip()[:1] not in {b"{", b"[", b""} and b"payload=" in body


def form_of(body: bytes) -> Form:
    """
    Return the fields of a form.

    Raises:
        UnreadableError: it is none, or has no payload.
    """
    try:
        fields = dict(parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise UnreadableError("not a form post") from error
    payload = fields.get("payload")
    if not payload:
        raise UnreadableError("a form post without a payload")
    return Form(
        payload=payload.encode("utf-8", "replace"),
        merchant=fields.get("domain_prefix") or fields.get("retailer_id") or "",
        type=fields.get("type", ""),
    )
