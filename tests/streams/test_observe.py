import asyncio

from prometheus_client.parser import text_string_to_metric_families

from schemas import topics
from schemas.codec import encode
from schemas.events import ErrorType, PosError, SyncCompleted
from schemas.rows import UnmappedRow
from streams.cloudevents import cloud_event
from streams.log import DeadLetter, Out, Record, rejection
from streams.metrics import Metrics
from streams.observe import Observer
from tests.streams.desk import LANES, NOW, an_account, desk

OF = {"tenant_id": "bakery", "pos_provider": "square"}


def completed(number):
    return SyncCompleted(
        event_id=f"e{number}",
        tenant_id="bakery",
        pos_account_id="a1",
        pos_provider="square",
        location_name="Bakery",
        sync_id=f"s{number}",
        status="completed",
        transactions_processed=3,
        transactions_failed=0,
        transactions_new=3,
        transactions_updated=0,
        duplicates=0,
        new_products_discovered=0,
        sync_duration_seconds=42.0,
        timestamp=NOW,
    )


def failed():
    return PosError(
        event_id="x",
        tenant_id="bakery",
        pos_account_id="a1",
        pos_provider="square",
        location_name="Bakery",
        error_type=ErrorType.RATE_LIMITED,
        error_message="slow down",
        consecutive_failures=1,
        action_required=None,
        timestamp=NOW,
    )


def unmapped(product):
    return UnmappedRow(
        tenant_id="bakery",
        account_id="a1",
        pos_product_id=product,
        name=product,
        sku=None,
        category=None,
        currency="EUR",
    )


class Watch:
    def __init__(self, made):
        self.made = made
        self.metrics = Metrics()
        self.observer = Observer(
            made.log,
            self.metrics,
            lanes=LANES,
            account=made.directory.account,
            accounts=made.directory.all_accounts,
        )

    async def add(self, topic, key, value, headers=()):
        lane = self.made.directory.lane("a1")
        await self.made.log.append(topic, [Out(key, value, headers, lane)])

    def value(self, name, **labels):
        self.observer.refresh()
        for family in text_string_to_metric_families(self.metrics.exposition().decode()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None

    async def until(self, expected, name, **labels):
        async with asyncio.timeout(5):
            while self.value(name, **labels) != expected:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)


async def test_events_of_the_log_become_metrics_from_the_start_of_the_process_on(tmp_path):
    async with desk(tmp_path) as made:
        await made.directory.put_account(an_account("a1"))
        watch = Watch(made)
        await watch.add(topics.SYNC_COMPLETED, b"a1", encode(completed(0)))
        await watch.observer.start()
        await watch.add(topics.SYNC_COMPLETED, b"a1", encode(completed(1)))
        await watch.add(topics.ERRORS, b"a1", encode(failed()))
        changed = cloud_event("c", "pos.transaction.changed", "/accounts/a1", NOW)
        for _ in range(3):
            await watch.add(topics.TRANSACTIONS, b"t", b"unread", changed)
        letter = DeadLetter(Record(topics.RAW, 0, 0, 0, b"a1", b"x"), "unreadable", "why")
        rejected = rejection("normalise", letter)
        await watch.add(topics.REJECTED, b"a1", b"x", rejected.headers)

        await watch.until(3, "pos_transactions_synced_total", **OF)
        sync = OF | {"status": "completed"}
        await watch.until(1, "pos_sync_duration_seconds_count", **sync)
        await watch.until(42, "pos_sync_duration_seconds_sum", **sync)
        await watch.until(1, "pos_sync_errors_total", **OF, error_type="rate_limited")
        await watch.until(1, "pos_rejected_total", stage="normalise", error_type="unreadable")
        assert watch.value("pos_accounts_total", **OF, status="connected") == 1
        await watch.observer.stop()


async def test_unmapped_products_are_those_that_there_are_now(tmp_path):
    async with desk(tmp_path) as made:
        watch = Watch(made)
        for product in ("bun", "roll", "bun"):
            key = f"a1/{product}".encode()
            await watch.add(topics.UNMAPPED_REVENUE, key, encode(unmapped(product)))
        await watch.observer.start()
        at = {"tenant_id": "bakery", "pos_account_id": "a1"}
        assert watch.value("pos_unmapped_products_total", **at) == 2
        await watch.add(topics.UNMAPPED_REVENUE, b"a1/bun", None)
        await watch.until(1, "pos_unmapped_products_total", **at)
        await watch.observer.stop()


async def test_stopping_ends_at_once_whatever_comes_in_at_that_moment(tmp_path):
    async with desk(tmp_path) as made:
        for _ in range(20):
            watch = Watch(made)
            await watch.observer.start()
            await asyncio.sleep(0)
            await watch.add(topics.ERRORS, b"a1", encode(failed()))
            async with asyncio.timeout(3):
                await watch.observer.stop()
