"""Feed the metrics from the log; each process tells of its lanes, so that sums are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import structlog

from schemas import topics
from schemas.account import Account
from schemas.codec import decode
from schemas.events import MappingNeeded, PosError, SyncCompleted
from schemas.reconciliation import Agreement, Reconciliation
from schemas.rows import UnmappedRow
from schemas.webhooks import WebhookHealth
from streams.log import TP, EventLog, Record, lane_of
from streams.metrics import Metrics
from streams.tail import Tail, Take, partitions
from streams.views import Views

logger = structlog.get_logger(__name__)

_SOURCE = "ce_source"
_ACCOUNT = b"/accounts/"
_STATES = {topics.UNMAPPED_REVENUE, topics.RECONCILIATIONS, topics.WEBHOOK_HEALTH}
"""Topics that are read from their beginning: what there is, not what happens."""


class Observer:
    """
    Counts what happens from its start on; what there *is* it reads from the beginning.

    Transactions are counted by the header that names their account, because decoding each one
    again would cost more than the metric is worth.

    Args:
        account, accounts: what the directory knows.
        here: says whether this process has a lane. What happens while a lane moves from one
            process to another may be counted by neither.
        open_circuits: how many pause, by provider and scope, of the accounts polled here.
        stage_records: records each stage of this process has processed since it began.
    """

    def __init__(
        self,
        log: EventLog,
        metrics: Metrics,
        *,
        lanes: int,
        account: Callable[[str], Account | None],
        accounts: Callable[[], Iterable[Account]],
        here: Callable[[int], bool] = lambda _lane: True,
        views: Views | None = None,
        alert_on_unmapped: bool = False,
        stage_records: Callable[[], Mapping[str, int]] | None = None,
        open_circuits: Callable[[], Mapping[tuple[str, str], int]] | None = None,
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._lanes = lanes
        self._account = account
        self._accounts = accounts
        self._views = views
        self._stage_records = stage_records
        self._here = here
        self._open_circuits = open_circuits
        self._differing: dict[bytes, tuple[str, str]] = {}
        self._silent: dict[bytes, tuple[str, str]] = {}
        self._unmapped: dict[str, tuple[str, set[bytes]]] = {}
        counted = {
            topics.TRANSACTIONS: self._transaction,
            topics.SYNC_COMPLETED: self._sync_completed,
            topics.ERRORS: self._error,
            topics.REJECTED: self._rejected,
        }
        if alert_on_unmapped:
            counted[topics.MAPPING_NEEDED] = self._mapping_needed
        self._takes = {topic: self._if_here(take) for topic, take in counted.items()}
        self._takes[topics.UNMAPPED_REVENUE] = self._unmapped_row
        self._takes[topics.RECONCILIATIONS] = self._reconciled
        self._takes[topics.WEBHOOK_HEALTH] = self._hearing
        self._tail = Tail(log, self._takes, name="observer")

    async def start(self) -> None:
        """Read the state of now, then follow."""
        bounds = await self._log.bounds(partitions(self._takes, self._lanes))
        start = {
            tp: begin if tp.topic in _STATES else end for tp, (begin, end) in bounds.items()
        }
        await self._tail.start({TP(*tp): offset for tp, offset in start.items()})

    async def stop(self) -> None:
        """Stop following."""
        await self._tail.stop()

    def refresh(self) -> None:
        """Set the gauges; called when the metrics are asked for."""
        self._metrics.accounts(
            account for account in self._accounts() if self._has(account.account_id)
        )
        self._metrics.unmapped_products(
            {
                (tenant, account): len(keys)
                for account, (tenant, keys) in self._unmapped.items()
                if self._has(account)
            }
        )
        if self._views is not None:
            slowest: dict[str, int] = {}
            for (stage, _, _), records in self._views.lag().items():
                slowest[stage] = max(records, slowest.get(stage, 0))
            self._metrics.lag(slowest)
        if self._stage_records is not None:
            self._metrics.stage_records(self._stage_records())
        if self._open_circuits is not None:
            self._metrics.open_circuits(self._open_circuits())
        self._metrics.differing_days(self._here_of(self._differing))
        self._metrics.silent_webhooks(self._here_of(self._silent))

    def _here_of(self, troubled: Mapping[bytes, tuple[str, str]]) -> Counter[tuple[str, str]]:
        """Count (tenant, provider) of the rows whose account has its lane here."""
        return Counter(
            who for key, who in troubled.items() if self._has(key.partition(b"/")[0].decode())
        )

    def _has(self, account_id: str) -> bool:
        return self._here(lane_of(account_id.encode(), self._lanes))

    def _if_here(self, take: Take) -> Take:
        def take_if_here(record: Record) -> None:
            if self._here(record.partition):
                take(record)

        return take_if_here

    def _transaction(self, record: Record) -> None:
        source = dict(record.headers).get(_SOURCE, b"")
        account = self._account(source.removeprefix(_ACCOUNT).decode())
        if account is not None:
            self._metrics.transactions_changed(account, 1)

    def _sync_completed(self, record: Record) -> None:
        if record.value is not None:
            event = decode(SyncCompleted, record.value)
            self._metrics.sync_ended(
                event.tenant_id, event.pos_provider, event.status, event.sync_duration_seconds
            )

    def _error(self, record: Record) -> None:
        if record.value is not None:
            event = decode(PosError, record.value)
            if event.error_type.is_good_news:
                return
            self._metrics.account_failed(event.tenant_id, event.pos_provider, event.error_type)

    def _mapping_needed(self, record: Record) -> None:
        if record.value is not None:
            event = decode(MappingNeeded, record.value)
            logger.warning(
                "products_unmapped",
                tenant_id=event.tenant_id,
                account_id=event.pos_account_id,
                unmapped_products=event.unmapped_products_count,
                unmapped_minor=event.unmapped_revenue.minor,
                currency=event.unmapped_revenue.currency,
            )

    def _rejected(self, record: Record) -> None:
        if record.value is None:
            return
        headers = dict(record.headers)
        stage = headers.get("__rejected.stage", b"unknown").decode()
        self._metrics.rejected(stage, headers.get("__rejected.error.type", b"").decode())

    def _reconciled(self, record: Record) -> None:
        if record.key is None:
            return
        self._differing.pop(record.key, None)
        if record.value is not None:
            row = decode(Reconciliation, record.value)
            if row.agreement is Agreement.DIFFERS:
                self._differing[record.key] = (row.tenant_id, row.pos_provider)

    def _hearing(self, record: Record) -> None:
        if record.key is None:
            return
        self._silent.pop(record.key, None)
        if record.value is not None:
            row = decode(WebhookHealth, record.value)
            if row.silent_since is not None:
                self._silent[record.key] = (row.tenant_id, row.pos_provider)

    def _unmapped_row(self, record: Record) -> None:
        if record.key is None:
            return
        account = record.key.partition(b"/")[0].decode()
        if record.value is None:
            if account in self._unmapped:
                self._unmapped[account][1].discard(record.key)
        elif account in self._unmapped:
            self._unmapped[account][1].add(record.key)
        else:
            tenant = decode(UnmappedRow, record.value).tenant_id
            self._unmapped[account] = (tenant, {record.key})
