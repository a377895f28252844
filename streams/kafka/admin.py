"""
Topics as the brokers have them, beside topics as they must be.

Talks to the brokers with kafka-python's admin client, which blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError

from streams.errors import SetupError
from streams.kafka.clients import Clients
from streams.kafka.options import KafkaOptions
from streams.log import Topic

TOMBSTONES_S = 86_400
SEGMENT_S = 86_400
CONNECT_MS = 8_000
REPLICATION, ISR = "replication", "min.insync.replicas"
VITAL = ("cleanup.policy", "retention.ms")
"""What loses records when it is wrong: start-up refuses it, where others are only told."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """
    One thing that is not as it must be.

    Args:
        kind: create (the topic is missing), configure (apply can set it), or refuse (partitions
            and replication of a topic that has records are for a person to change).
    """

    kind: Literal["create", "configure", "refuse"]
    topic: str
    setting: str = ""
    have: str = ""
    want: str = ""

    def __str__(self) -> str:
        """Return it as a sentence."""
        if self.kind == "create":
            return f"topic {self.topic} is missing ({self.want})"
        return f"topic {self.topic} has {self.setting} {self.have}, needs {self.want}"


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What the brokers say: the id of the cluster, and the id of each topic of ours."""

    cluster: str
    topics: dict[str, str]


class TopicAdmin:
    """One connection for questions and changes; `open_admin` makes it."""

    def __init__(self, client: Any, options: KafkaOptions) -> None:
        self._client = client
        self._options = options

    def wanted(self, topic: Topic) -> dict[str, str]:
        """Return the settings that a topic must have."""
        settings = {"max.message.bytes": str(self._options.record_mb << 20)}
        if topic.compact:
            settings["cleanup.policy"] = "compact"
            settings["delete.retention.ms"] = str(TOMBSTONES_S * 1000)
            # Compaction leaves the newest segment alone, so it must end some day.
            settings["segment.ms"] = str(SEGMENT_S * 1000)
        else:
            settings["cleanup.policy"] = "delete"
            # Without it the brokers' default deletes after seven days what is kept for ever.
            seconds = topic.retention_s
            settings["retention.ms"] = "-1" if seconds is None else str(int(seconds * 1000))
        if self._options.min_isr:
            settings[ISR] = str(self._options.min_isr)
        return settings

    def describe(self) -> Described:
        """Return ids."""
        topics = self._client.describe_topics()
        ids = {topic["name"]: str(topic["topic_id"]) for topic in topics}
        return Described(cluster=str(self._client.describe_cluster()["cluster_id"]), topics=ids)

    def plan(self, topics: Iterable[Topic]) -> list[Difference]:
        """Return what differs; nothing is changed."""
        wanted = {topic.name: topic for topic in topics}
        have = {
            topic["name"]: topic
            for topic in self._client.describe_topics()
            if topic["name"] in wanted
        }
        configs = self._configs(sorted(have))
        differences: list[Difference] = []
        for name, topic in wanted.items():
            if name not in have:
                text = f"{topic.partitions} partitions, {self.wanted(topic)['cleanup.policy']}"
                differences.append(Difference(kind="create", topic=name, want=text))
            else:
                differences += self._shape(topic, have[name]["partitions"])
                differences += self._settings(topic, configs[name])
        return differences

    def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer = self._client.describe_configs(resources, config_filter="all")["topic"]
        return {
            name: {key: str(entry["value"]) for key, entry in settings.items()}
            for name, settings in answer.items()
        }

    def _shape(self, topic: Topic, partitions: Sequence[Any]) -> Iterator[Difference]:
        count = len(partitions)
        copies = {len(partition["replica_nodes"]) for partition in partitions}
        pairs = [("partitions", {count}, topic.partitions)]
        if self._options.replication > 0:
            pairs.append((REPLICATION, copies, self._options.replication))
        for setting, have, want in pairs:
            if have != {want}:
                text = " or ".join(map(str, sorted(have)))
                yield Difference(
                    kind="refuse", topic=topic.name, setting=setting, have=text, want=str(want)
                )

    def _settings(self, topic: Topic, have: dict[str, str]) -> Iterator[Difference]:
        for setting, want in self.wanted(topic).items():
            if have.get(setting) != want:
                yield Difference(
                    kind="configure",
                    topic=topic.name,
                    setting=setting,
                    have=have.get(setting, "none"),
                    want=want,
                )

    def create(self, topics: Iterable[Topic]) -> None:
        """Create topics that are missing and wait until they can be used."""
        missing = {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": self._options.replication,
                "configs": self.wanted(topic),
            }
            for topic in topics
        }
        if missing:
            # Another worker may be creating them at this moment.
            self._client.create_topics(missing, raise_errors=False)
            self._client.wait_for_topics(list(missing))

    def apply(self, topics: Iterable[Topic]) -> list[Difference]:
        """Create and configure; returns what only a person can change."""
        by_name = {topic.name: topic for topic in topics}
        differences = self.plan(by_name.values())
        self.create(by_name[each.topic] for each in differences if each.kind == "create")
        changed = {each.topic for each in differences if each.kind == "configure"}
        if changed:
            self._client.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, name, self.wanted(by_name[name]))
                    for name in sorted(changed)
                ]
            )
        return [each for each in differences if each.kind == "refuse"]


@contextmanager
def open_admin(clients: Clients) -> Iterator[TopicAdmin]:
    """
    Connect for as long as the block takes.

    Raises:
        SetupError: the brokers cannot be reached, or refuse what is asked.
    """
    clients.security.sign_in()
    try:
        client = KafkaAdminClient(
            bootstrap_servers=clients.bootstrap.split(","),
            bootstrap_timeout_ms=CONNECT_MS,
            **clients.security.admin_settings(),
        )
    except KafkaError as error:
        raise SetupError(
            f"no broker answers at {clients.bootstrap}: {type(error).__name__}; "
            "check TILLSTREAM_LOG and TILLSTREAM_KAFKA__…"
        ) from error
    try:
        yield TopicAdmin(client, clients.options)
    except KafkaError as error:
        raise SetupError(f"the brokers refuse: {type(error).__name__}: {error}") from error
    finally:
        client.close()


def prepare(clients: Clients, topics: Iterable[Topic]) -> Described:
    """
    Create what is missing and return the ids.

    Raises:
        SetupError: a topic is not what it must be; names each of them.
    """
    wanted = list(topics)
    with open_admin(clients) as admin:
        differences = admin.plan(wanted)
        wrong = [
            difference
            for difference in differences
            if difference.setting == "partitions" or difference.setting in VITAL
        ]
        if wrong:
            raise SetupError(
                "; ".join(map(str, wrong))
                + "; set TILLSTREAM_LANES to what the log has, or run `tillstream topics plan`"
            )
        names = {each.topic for each in differences if each.kind == "create"}
        admin.create(topic for topic in wanted if topic.name in names)
        return admin.describe()
