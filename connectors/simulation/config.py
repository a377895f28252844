"""What a simulated provider is to be like: who sells, how much, and what goes wrong."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.businessday import BusinessCalendar


class SimulatedShop(msgspec.Struct, frozen=True, kw_only=True):
    """
    One location of a merchant.

    Args:
        token: what opens the merchant's data: an access token, or what stands for one.
        inclusive: taxes are inside the prices (Europe), or added to them (United States).
        food_tax, drink_tax: percent, as a decimal.
        main: the merchant's main location, which some calls fall back to.
    """

    merchant_id: str
    location_id: str
    name: str
    token: str
    timezone: str = "Europe/Berlin"
    country: str = "DE"
    currency: str = "EUR"
    inclusive: bool = True
    food_tax: str = "7"
    drink_tax: str = "19"
    cut_off_hour: int = 0
    main: bool = True

    @property
    def calendar(self) -> BusinessCalendar:
        """Return when its days end."""
        return BusinessCalendar(self.timezone, self.cut_off_hour)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """
    What goes wrong, in so many of a thousand cases where nothing else is said.

    Args:
        rate_limited: requests that begin a burst of answers 429, some with Retry-After.
        server_errors, slow: requests.
        stale_cursors: cursors that are expired when they are used.
        dying_tokens: calls with an access token that ends it before its time, between two
            pages of a list, say; never one that is new.
        refused_renewals: uses of a refresh token, or log-ins after the first, that are refused
            for good: until the merchant lets us in again.
        duplicates, losses, delayed: webhook deliveries; a delayed one is overtaken by others.
        max_delay_s: seconds of the trade's own time.
        clock_skew_s: seconds that the provider's clock is ahead of ours, negative behind: all
            its times are, those of answers and those by which it takes what is asked.
    """

    rate_limited: int = 0
    server_errors: int = 0
    slow: int = 0
    stale_cursors: int = 0
    dying_tokens: int = 0
    refused_renewals: int = 0
    duplicates: int = 0
    losses: int = 0
    delayed: int = 0
    max_delay_s: int = 30
    clock_skew_s: int = 0


ROUGH = Faults(
    rate_limited=20,
    server_errors=20,
    slow=10,
    stale_cursors=50,
    duplicates=50,
    losses=20,
    delayed=100,
)
"""A bad day on the internet; it ends no tokens, which not everybody can renew."""


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """
    One simulated provider.

    Args:
        seed: the same config gives the same bytes.
        shops: none stands for two of the provider's own choice.
        products: how many of the assortment are sold.
        days: business days of history, up to the one before that of `now`.
        orders_per_day: at each shop, on average.
        now: when the history ends and today's trade begins, by the provider's clock.
        live_orders: orders of today's trade at each shop, evenly over `live_seconds`.
        signature_key: the secret of the webhooks; `notification_url` is where they go.
        page_limit: cuts the pages of all lists shorter; 0 leaves them.
        token_lives_s: seconds that a token granted by refreshing lives.
    """

    now: datetime
    seed: int = 1
    shops: tuple[SimulatedShop, ...] = ()
    products: int = 24
    days: int = 30
    orders_per_day: int = 60
    live_orders: int = 0
    live_seconds: int = 60
    signature_key: str = "simulated-signature-key"
    notification_url: str = "http://127.0.0.1:8013/api/v1/pos/webhooks/square"
    page_limit: int = 0
    token_lives_s: int = 30 * 86_400
    faults: Faults = Faults()
