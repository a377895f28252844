"""A real broker for the tests that ask for one."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator

import pytest
from kafka.admin import KafkaAdminClient

from tests.services.kafka import UnavailableError, serving
from tests.streams import shop

QUICK = "session_s=4&buffers_mb=16&cache_mb=8"


class Kafka:
    """
    One test's view of the broker: no topics at its beginning, names of its own.

    Args:
        app_id: no other test has it, so neither have they its groups.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.app_id = f"shop-{secrets.token_hex(4)}"
        self.admin = KafkaAdminClient(bootstrap_servers=address)

    def url(self, query: str = "", worker: str = "w") -> str:
        return f"kafka://{self.address}?worker={worker}&{QUICK}{query and '&'}{query}"

    def clear(self) -> None:
        """Delete all topics but those of Kafka itself; returns when they are gone."""
        while names := [n for n in self.admin.list_topics() if not n.startswith("__")]:
            self.admin.delete_topics(names, raise_errors=False)
            time.sleep(0.02)


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        with serving(tmp_path_factory.mktemp("kafka")) as address:
            yield address
    except UnavailableError as error:
        if os.environ.get("TILLSTREAM_TEST_SERVICES") == "required":
            raise
        pytest.skip(f"no Kafka: {error}")


@pytest.fixture
def kafka(kafka_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kafka]:
    """Run the job of `shop` on a broker in place of the embedded log."""
    broker = Kafka(kafka_address)
    broker.clear()

    def url_of(_folder: object, query: str) -> str:
        options = [part for part in query.split("&") if part.startswith("chunk=")]
        return broker.url("&".join(options))

    monkeypatch.setattr(shop, "url_of", url_of)
    monkeypatch.setattr(shop, "app_id", broker.app_id)
    yield broker
    broker.clear()
    broker.admin.close()
