"""Whether a provider's webhooks come: what is known of the subscription of one account."""

from __future__ import annotations

from datetime import datetime

import msgspec


class WebhookHealth(msgspec.Struct, frozen=True, kw_only=True):
    """
    The row of `pos.webhook-health`.

    Args:
        heard_at: when a webhook about sales was received; the last one may be up to five
            minutes later.
        looked_at: when the newest regular poll began.
        unannounced: regular polls in a row that found something of which no webhook had told.
        silent_since: since when the subscription is held to be silent; None while it is not.
    """

    tenant_id: str
    account_id: str
    pos_provider: str
    heard_at: datetime
    looked_at: datetime | None = None
    unannounced: int = 0
    silent_since: datetime | None = None
