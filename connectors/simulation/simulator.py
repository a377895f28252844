"""What every simulated provider can do; the demo and `tillstream simulate` know no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from connectors.contract import Delivery
from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.goods import OwnProduct
from connectors.simulation.oauth import TokenBook
from connectors.simulation.truth import Figures, Totals


class Simulator(Protocol):
    """
    Deterministic: the same config and the same calls give the same bytes.

    History is known from the beginning; today's trade becomes known as `deliveries` is
    iterated, or `release` called, and only what is known is in answers and `totals`.
    """

    config: SimulatorConfig

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        ...

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call to the API; `now` ages cursors and tokens, and bounds lists."""
        ...

    def release(self, until: datetime) -> None:
        """Let what happens up to a time be known; never more than the live trade has."""
        ...

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        """
        Yield the webhooks of all that happens after a time, and the pause before each.

        What a delivery tells of is released before it is yielded. After the last one all is
        released, what lost deliveries told of, too; a provider without webhooks only does that.

        Args:
            since: by default the end of the history.
        """
        ...

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return the next attempt of a delivery that was not taken."""
        ...

    def revoke(self, merchant: str, at: datetime) -> Delivery | None:
        """Withdraw our authorisation; return the webhook that says so, if there is one."""
        ...

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        ...

    def bills(self) -> Mapping[str, Figures]:
        """Return the figures of each bill that is known and complete, by provider's id."""
        ...

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list, with SKUs and the right spelling."""
        ...


@runtime_checkable
class TokenKeeper(Protocol):
    """A simulator whose calls carry tokens."""

    @property
    def book(self) -> TokenBook:
        """Return its codes and tokens."""
        ...


def refresh_token_of(simulator: Simulator, access_token: str) -> str:
    """Return what renews a shop's token; empty where nothing does."""
    if not isinstance(simulator, TokenKeeper):
        return ""
    return simulator.book.refresh_of(access_token)
