"""Prometheus metrics: their names are what users' dashboards know, so they never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.account import Account, AccountStatus
from schemas.events import ErrorType

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SYNC_BUCKETS_S = (5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
ACCEPT_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
WEBHOOK_OUTCOMES = ("accepted", "unsigned", "too_large", "unavailable", "unroutable")


class Metrics:
    """
    All metrics of one process, in a registry of its own.

    Args:
        tenant_labels: False leaves the labels tenant_id and pos_account_id out; figures are
            then sums over all tenants.

    Two gauges end in `_total` against Prometheus' own advice; existing dashboards ask for them.
    """

    def __init__(self, *, tenant_labels: bool = True) -> None:
        self.registry = CollectorRegistry()
        self._tenants = tenant_labels
        self._accounts = Gauge(
            "pos_accounts_total",
            "POS accounts by status.",
            self._labels("tenant_id", "pos_provider", "status"),
            registry=self.registry,
        )
        self._transactions = Counter(
            "pos_transactions_synced_total",
            "Transactions that came or changed, by whatever way.",
            self._labels("tenant_id", "pos_provider"),
            registry=self.registry,
        )
        self._sync_seconds = Histogram(
            "pos_sync_duration_seconds",
            "Seconds a sync run took, until all it brought was processed.",
            self._labels("tenant_id", "pos_provider", "status"),
            buckets=SYNC_BUCKETS_S,
            registry=self.registry,
        )
        self._sync_errors = Counter(
            "pos_sync_errors_total",
            "Errors of accounts, by type.",
            self._labels("tenant_id", "pos_provider", "error_type"),
            registry=self.registry,
        )
        self._unmapped = Gauge(
            "pos_unmapped_products_total",
            "POS products sold that are mapped to nothing.",
            self._labels("tenant_id", "pos_account_id"),
            registry=self.registry,
        )
        self._troubles()
        self._runtime()

    def _troubles(self) -> None:
        self._differing_days = Gauge(
            "pos_reconciliation_difference_days",
            "Business days whose totals differ from the provider's own.",
            self._labels("tenant_id", "pos_provider"),
            registry=self.registry,
        )
        self._silent = Gauge(
            "pos_silent_webhooks",
            "Accounts whose polls find what no webhook told: a subscription that is silent.",
            self._labels("tenant_id", "pos_provider"),
            registry=self.registry,
        )
        self._circuits = Gauge(
            "pos_open_circuits",
            "Circuits that are open: accounts, or a whole provider, whose polls pause.",
            ("pos_provider", "scope"),
            registry=self.registry,
        )

    def _runtime(self) -> None:
        self._webhooks = Counter(
            "pos_webhooks_total",
            "Webhook deliveries by what became of them.",
            ("pos_provider", "outcome"),
            registry=self.registry,
        )
        self._accept_seconds = Histogram(
            "pos_webhook_accept_seconds",
            "Seconds from a webhook's headers to its answer.",
            ("pos_provider",),
            buckets=ACCEPT_BUCKETS_S,
            registry=self.registry,
        )
        self._lag = Gauge(
            "pos_lane_lag_records",
            "Records that a stage has not processed yet, of its slowest lane.",
            ("stage",),
            registry=self.registry,
        )
        self._stage_records = Counter(
            "pos_stage_records_total",
            "Records that a stage has processed.",
            ("stage",),
            registry=self.registry,
        )
        self._counted: dict[str, int] = {}
        self._staleness = Gauge(
            "pos_replica_staleness_seconds",
            "Seconds, at most, that the rows which the API reads on Kafka are behind.",
            registry=self.registry,
        )
        self._rejected = Counter(
            "pos_rejected_total",
            "Records that a stage rejected, by why.",
            ("stage", "error_type"),
            registry=self.registry,
        )

    def _labels(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if self._tenants or name not in _BY_TENANT)

    def _values(self, **values: str) -> dict[str, str]:
        return {n: v for n, v in values.items() if self._tenants or n not in _BY_TENANT}

    # -- accounts ----------------------------------------------------------------------------

    def accounts(self, accounts: Iterable[Account]) -> None:
        """Set how many accounts there are; those that are gone count no more."""
        counts: dict[tuple[str, str, AccountStatus], int] = {}
        for account in accounts:
            for status in AccountStatus:
                key = (account.tenant_id, account.provider, status)
                counts[key] = counts.get(key, 0) + (account.status is status)
        self._accounts.clear()
        for (tenant, provider, status), count in counts.items():
            values = self._values(tenant_id=tenant, pos_provider=provider, status=status.value)
            self._accounts.labels(**values).inc(count)

    def transactions_changed(self, account: Account, count: int) -> None:
        """Count transactions of an account that came or changed."""
        values = self._values(tenant_id=account.tenant_id, pos_provider=account.provider)
        self._transactions.labels(**values).inc(count)

    def unmapped_products(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set how many products are unmapped, by (tenant, account)."""
        self._unmapped.clear()
        if not self._tenants:
            self._unmapped.set(sum(counts.values()))
            return
        for (tenant, account), count in counts.items():
            self._unmapped.labels(tenant_id=tenant, pos_account_id=account).set(count)

    # -- sync runs ---------------------------------------------------------------------------

    def sync_ended(self, tenant: str, provider: str, status: str, seconds: float) -> None:
        """Record a sync run that ended; `status` completed or failed."""
        values = self._values(tenant_id=tenant, pos_provider=provider, status=status)
        self._sync_seconds.labels(**values).observe(seconds)

    def account_failed(self, tenant: str, provider: str, error_type: ErrorType) -> None:
        """Count an error of an account."""
        values = self._values(
            tenant_id=tenant, pos_provider=provider, error_type=error_type.value
        )
        self._sync_errors.labels(**values).inc()

    def differing_days(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set how many days differ from the provider's, by (tenant, provider)."""
        self._differing_days.clear()
        for (tenant, provider), days in counts.items():
            values = self._values(tenant_id=tenant, pos_provider=provider)
            self._differing_days.labels(**values).inc(days)

    def silent_webhooks(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set how many accounts had webhooks and have none any more, by (tenant, provider)."""
        self._silent.clear()
        for (tenant, provider), accounts in counts.items():
            values = self._values(tenant_id=tenant, pos_provider=provider)
            self._silent.labels(**values).inc(accounts)

    def open_circuits(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set how many circuits are open, by (provider, scope); scope account or provider."""
        for (provider, scope), count in counts.items():
            self._circuits.labels(provider, scope).set(count)

    # -- the machine -------------------------------------------------------------------------

    def webhook(self, provider: str, outcome: str, seconds: float) -> None:
        """Record a delivery; `outcome` is one of `WEBHOOK_OUTCOMES`."""
        self._webhooks.labels(provider, outcome).inc()
        self._accept_seconds.labels(provider).observe(seconds)

    def lag(self, by_stage: Mapping[str, int]) -> None:
        """Set the lag of each stage's slowest lane here, in records; no lane, no figure."""
        self._lag.clear()
        for stage, records in by_stage.items():
            self._lag.labels(stage).set(records)

    def staleness(self, seconds: float) -> None:
        """Set for how long, at most, something committed has not been shown."""
        self._staleness.set(seconds)

    def stage_records(self, totals: Mapping[str, int]) -> None:
        """Take over how many records each stage has processed since the process began."""
        for stage, total in totals.items():
            self._stage_records.labels(stage).inc(max(total - self._counted.get(stage, 0), 0))
            self._counted[stage] = max(total, self._counted.get(stage, 0))

    def rejected(self, stage: str, error_type: str) -> None:
        """Count a record that a stage rejected."""
        self._rejected.labels(stage, error_type).inc()

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)


_BY_TENANT = frozenset({"tenant_id", "pos_account_id"})
