"""What the API works with; the composition root fills it in, tests fill in what they need."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.access import LocationFacts, Place
from connectors.contract import Connector, SigningKey
from schemas.sealing import Sealer
from streams.consents import Consents
from streams.credentials import Credentials
from streams.directory import Directory
from streams.ingest import Ingest
from streams.log import EventLog
from streams.metrics import Metrics
from streams.settings import Settings
from streams.subscribing import Subscriber
from streams.views import Staleness, Views

LocationInfo = LocationFacts

AccountProbe = Callable[[str, Credentials, Place], Awaitable[LocationFacts | None]]
"""
Ask a provider (by name, with these credentials) for a location; None when it has none such.

Raises CredentialsError, PermanentError or TransientError of `connectors.contract`.
"""


def no_problems() -> Sequence[str]:
    """Return no reason not to be ready."""
    return ()


def no_refresh() -> None:
    """Do nothing before metrics are read."""


def no_staleness() -> Staleness | None:
    """Return that the rows are read where they are written."""
    return None


def utc_now() -> datetime:
    """Return the time of now."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """
    Everything a route may use.

    Args:
        probe: asks a provider for a location.
        consents: leads merchants to a provider's page of consent and back.
        subscriber: sets up webhooks of single accounts.
        problems: reasons why this process cannot serve now, for people.
        refresh_metrics: brings gauges up to date before they are read.
        lag: records that each (stage, topic, lane) of this process has still to process.
        staleness: how old rows may be, where they are a copy of another process's.
        redriving: held while dead letters are sent again; Kafka fences other processes.
    """

    log: EventLog
    views: Views
    directory: Directory
    ingest: Ingest
    sealer: Sealer
    settings: Settings
    metrics: Metrics
    connectors: Mapping[str, Connector]
    probe: AccountProbe
    consents: Consents
    subscriber: Subscriber
    lag: Callable[[], Mapping[tuple[str, str, int], int]]
    clock: Callable[[], datetime] = utc_now
    problems: Callable[[], Sequence[str]] = no_problems
    refresh_metrics: Callable[[], None] = no_refresh
    staleness: Callable[[], Staleness | None] = no_staleness
    redriving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def signing(self, provider: str) -> tuple[Sequence[SigningKey], str | None]:
        """Return the keys a provider may sign with, and the URL that it signs."""
        found = self.settings.provider(provider)
        return (found.signing_keys(), found.signed_url()) if found else ((), None)
