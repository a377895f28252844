"""
How full the bucket of each account is.

Source: developers.lightspeedhq.com/retail/introduction/ratelimits (90 units and 10 more for
each further register; one drips each second, half of one more for each further register)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from connectors.lightspeed_r.simulator.places import REGISTERS
from connectors.simulation.config import SimulatorConfig
from schemas.quantity import plain


class FullError(Exception):
    """A bucket has no room; `headers` say so, and when it will have some."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("the bucket is full")
        self.headers = headers


class Buckets:
    """The bucket of each account; `over_budget` counts the calls that did not fit in."""

    def __init__(self, config: SimulatorConfig) -> None:
        accounts = [shop.merchant_id for shop in config.shops]
        self._more = {one: accounts.count(one) * REGISTERS - 1 for one in accounts}
        self._level: dict[str, tuple[Decimal, datetime]] = {}
        self.over_budget = 0

    def size(self, account: str) -> int:
        """Return how many units fit in."""
        return 90 + 10 * self._more[account]

    def drip(self, account: str) -> Decimal:
        """Return how many units drip out each second."""
        return 1 + Decimal("0.5") * self._more[account]

    def take(self, account: str, cost: Decimal, now: datetime) -> Mapping[str, str]:
        """
        Take a call in and return what the headers of its answer say of the bucket.

        Raises:
            FullError: there is no room for it.
        """
        level, at = self._level.get(account, (Decimal(0), now))
        seconds = Decimal(max(now - at, timedelta(0)) // timedelta(milliseconds=1)) / 1000
        level = max(Decimal(0), level - seconds * self.drip(account))
        missing = level + cost - self.size(account)
        if missing > 0:
            self.over_budget += 1
            self._level[account] = level, now
            wait = int(missing // self.drip(account)) + 1
            told = {
                **self._told(account, level, cost),
                "x-ls-api-ratelimit-type": "api-leaky-bucket",
                "retry-after": f"{wait}",
            }
            raise FullError(told)
        self._level[account] = level + cost, now
        return self._told(account, level + cost, cost)

    def _told(self, account: str, level: Decimal, cost: Decimal) -> dict[str, str]:
        return {
            "x-ls-acct-id": account,
            "x-ls-api-bucket-level": f"{_short(level)}/{self.size(account)}",
            "x-ls-api-drip-rate": _short(self.drip(account)),
            "x-ls-api-request-cost": _short(cost),
        }


def _short(number: Decimal) -> str:
    """Return it with two decimals at the most, and none that says nothing: "92.57", "1"."""
    return f"{plain(round(number, 2)):f}"
