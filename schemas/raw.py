"""What arrived, exactly: the record of `pos.raw`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Channel(StrEnum):
    """The way a raw event came in."""

    WEBHOOK = "webhook"
    POLL = "poll"
    FETCH = "fetch"
    IMPORT = "import"
    PUSH = "push"
    CONTROL = "control"


class RawEvent(msgspec.Struct, frozen=True, kw_only=True):
    """
    One authentic delivery.

    Args:
        raw_id: UUIDv5 of account and the provider's delivery id, or of the body.
        account_id: empty while nobody has claimed the merchant it is about.
        merchant: the provider's own name of the merchant, for events not yet claimed.
        resource: what the body is, in the provider's words ("payment.updated", "orders").
        headers: the few that matter, lower-case names; never credentials or signatures.
        sync_id: the sync run that brought it; None for webhooks.
        body: the exact bytes, sealed with the tenant's key while in the log.
    """

    raw_id: str
    tenant_id: str
    account_id: str
    provider: str
    channel: Channel
    resource: str
    received_at: datetime
    body: bytes
    merchant: str = ""
    headers: dict[str, str] = {}
    sync_id: str | None = None
