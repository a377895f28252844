"""What a process of Tillstream does: everything, or one half of it, beside others on Kafka."""

from __future__ import annotations

from enum import StrEnum

COPIED = frozenset(
    {
        "mapping.mappings",
        "match.products",
        "normalise.catalog",
        "normalise.orders",
        "normalise.parts",
        "normalise.reconciliations",
        "normalise.record_versions",
        "normalise.records",
        "normalise.syncs",
        "normalise.versions",
        "normalise.webhooks",
        "project.inventory",
        "project.places",
        "project.sales",
        "project.sales_days",
        "project.transactions",
        "project.unmapped",
    }
)
"""The tables that the API reads; where lanes are of several processes it reads a copy."""


class Role(StrEnum):
    """
    What runs in a process.

    `UP`: all of it. `SERVE`: the API alone, no stage, no call of a provider but the probe when
    a location is connected. `WORK`: the stages, the pollers and fetchers of the lanes that it
    has. `TOOL`: the stages alone, for a command that changes something while nobody works.
    """

    UP = "up"
    SERVE = "serve"
    WORK = "work"
    TOOL = "tool"

    @property
    def takes_lanes(self) -> bool:
        """Say whether stages run here."""
        return self is not Role.SERVE

    @property
    def calls_providers(self) -> bool:
        """Say whether accounts are polled and webhook stubs fetched here."""
        return self in {Role.UP, Role.WORK}

    @property
    def answers(self) -> bool:
        """Say whether the API is here."""
        return self in {Role.UP, Role.SERVE}
