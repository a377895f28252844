"""What a simulated Square is to be like: who sells, how much, and what goes wrong."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.businessday import BusinessCalendar


class Bakery(msgspec.Struct, frozen=True, kw_only=True):
    """
    One location of a merchant.

    Args:
        token: the access token that opens the merchant's data.
        inclusive: taxes are inside the prices (Europe), or added to them (United States).
        food_tax, drink_tax: percent, as Square writes it.
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
    What goes wrong, in so many of a thousand cases.

    Args:
        rate_limited: requests that begin a burst of answers 429, some with Retry-After.
        server_errors, slow: requests.
        stale_cursors: cursors that are expired when they are used.
        duplicates, losses, delayed: webhook deliveries; a delayed one is overtaken by others.
        max_delay_s: seconds of the trade's own time.
    """

    rate_limited: int = 0
    server_errors: int = 0
    slow: int = 0
    stale_cursors: int = 0
    duplicates: int = 0
    losses: int = 0
    delayed: int = 0
    max_delay_s: int = 30


ROUGH = Faults(
    rate_limited=20,
    server_errors=20,
    slow=10,
    stale_cursors=50,
    duplicates=50,
    losses=20,
    delayed=100,
)
"""A bad day on the internet."""


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """
    One simulated Square.

    Args:
        seed: the same config gives the same bytes.
        products: how many of the assortment are sold.
        days: business days of history, up to the one before that of `now`.
        orders_per_day: at each bakery, on average.
        now: when the history ends and today's trade begins.
        live_orders: orders of today's trade at each bakery, evenly over `live_seconds`.
        signature_key: signs the webhooks; `notification_url` is where they go.
        page_limit: cuts the pages of all lists shorter; 0 leaves them.
        token_lives_s: seconds that a token granted by refreshing lives.
    """

    now: datetime
    seed: int = 1
    bakeries: tuple[Bakery, ...] = ()
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


_TOWNS = (
    ("Corner Bakery", "Europe/Berlin", "DE", "EUR", True, "7", "19"),
    ("Harbor Bakehouse", "America/New_York", "US", "USD", False, "4.5", "8.875"),
    ("Asahi Pan", "Asia/Tokyo", "JP", "JPY", True, "8", "10"),
    ("Souk Bakery", "Asia/Kuwait", "KW", "KWD", False, "0", "0"),
)


def bakeries(
    count: int, *, timezone: str | None = None, currency: str | None = None
) -> tuple[Bakery, ...]:
    """
    Return bakeries of different towns; from the fifth on, second locations of the first ones.

    `timezone` and `currency` replace those of the towns.
    """
    found = []
    for number in range(count):
        name, zone, country, money, inclusive, food, drink = _TOWNS[number % len(_TOWNS)]
        merchant = f"MLSIM{number % len(_TOWNS) + 1:08d}"
        branch = number // len(_TOWNS)
        found.append(
            Bakery(
                merchant_id=merchant,
                location_id=f"LSIM{number + 1:08d}",
                name=name if not branch else f"{name} {branch + 1}",
                token=f"sim-access-token-{merchant}",
                timezone=timezone or zone,
                country=country,
                currency=currency or money,
                inclusive=inclusive,
                food_tax=food,
                drink_tax=drink,
                main=branch == 0,
            )
        )
    return tuple(found)
