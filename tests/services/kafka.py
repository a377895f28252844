"""
A real Apache Kafka broker for tests: the one of TILLSTREAM_TEST_KAFKA, else Docker, else jars.

`python -m tests.services.kafka` fetches the jars (54 MB, Maven Central) into a cache folder, so
that tests need no network later. Brokers are KRaft, with a small heap, on loopback only.
"""

# ruff: noqa: S603, S607 - the programs are ours or those of the machine

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

VERSION = "4.1.0"
IMAGE = f"apache/kafka:{VERSION}"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillstream"
JARS = CACHE / f"kafka-{VERSION}"
STARTED = b"Kafka Server started"
START_S = 60.0
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tillstream</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
    <version>{VERSION}</version>
  </dependency><dependency>
    <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
  </dependency></dependencies>
</project>
"""
JAVA = (
    "java",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)


Extra = Callable[[int, int], str]
"""Further lines of server.properties, from the broker's port and its controller's."""


class UnavailableError(Exception):
    """No broker can be started here; says what is missing."""


def fetch_jars() -> Path:
    """Return the folder of the broker's jars, filled by Maven when it is not there yet."""
    if (JARS / ".complete").exists():
        return JARS
    if not (shutil.which("mvn") and shutil.which("java")):
        raise UnavailableError("needs Docker, or Maven and Java 17, or TILLSTREAM_TEST_KAFKA")
    JARS.mkdir(parents=True, exist_ok=True)
    (JARS / "pom.xml").write_text(POM)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
    done = subprocess.run(command, cwd=JARS, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"Maven could not fetch Kafka: {done.stdout[-500:]}")
    (JARS / ".complete").touch()
    return JARS


def free_ports(count: int) -> list[int]:
    """Return ports above 29000 that nobody listens on."""
    ports: list[int] = []
    candidate = 29_200 + secrets.randbelow(20_000)
    while len(ports) < count:
        candidate += 1
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", candidate))
            ports.append(candidate)
    return ports


class Broker:
    """One broker process over the jars; can be killed and started again on its data."""

    def __init__(
        self, folder: Path, node: int, nodes: Sequence[tuple[int, int]], extra: Extra
    ) -> None:
        self.folder = folder / f"broker-{node}"
        self.folder.mkdir(parents=True)
        self.port, self.controller_port = nodes[node - 1]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = self.folder / "broker.log"
        (self.folder / "server.properties").write_text(
            _properties(self.folder, node, nodes) + extra(self.port, self.controller_port)
        )

    @property
    def address(self) -> str:
        """Return host and port for clients."""
        return f"127.0.0.1:{self.port}"

    def format(self, cluster: str, *options: str) -> None:
        """Prepare the data folder; `options` may add SCRAM users."""
        self._run(
            "kafka.tools.StorageTool",
            ["format", "-t", cluster, "-c", str(self.folder / "server.properties"), *options],
        ).wait(60)

    def _run(self, main: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        jars = fetch_jars()
        command = [*JAVA, "-cp", f"{jars}/*", main, *arguments]
        with self._log.open("ab") as out:
            return subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out)

    def start(self) -> None:
        """Start the process; `wait` tells when it serves."""
        self._seen = self._log.stat().st_size if self._log.exists() else 0
        self._process = self._run("kafka.Kafka", [str(self.folder / "server.properties")])

    def wait(self) -> None:
        """Return once the broker serves."""
        deadline = time.monotonic() + START_S
        while STARTED not in self._log.read_bytes()[self._seen :]:
            dead = self._process is None or self._process.poll() is not None
            if dead or time.monotonic() > deadline:
                raise UnavailableError(f"Kafka did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process, by default without a chance to tidy up."""
        if self._process is not None:
            self._process.send_signal(number)
            if number not in {signal.SIGSTOP, signal.SIGCONT}:
                self._process.wait(30)
                self._process = None


def _properties(folder: Path, node: int, nodes: Sequence[tuple[int, int]]) -> str:
    port, controller = nodes[node - 1]
    voters = ",".join(f"{n}@127.0.0.1:{c}" for n, (_, c) in enumerate(nodes, 1))
    copies, in_sync = min(3, len(nodes)), 2 if len(nodes) > 1 else 1
    settings = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": folder / "data",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "auto.create.topics.enable": "false",
        "file.delete.delay.ms": 100,
        "log.cleaner.dedupe.buffer.size": 2 << 20,
        "log.cleaner.threads": 1,
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "replica.lag.time.max.ms": 3000,
        "controller.quorum.election.timeout.ms": 500,
        "controller.quorum.fetch.timeout.ms": 1000,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


class Cluster:
    """Brokers of one cluster, on this machine."""

    def __init__(
        self, folder: Path, size: int = 1, extra: Extra = lambda _port, _controller: ""
    ) -> None:
        ports = free_ports(2 * size)
        nodes = list(zip(ports[::2], ports[1::2], strict=True))
        self.brokers = [Broker(folder, n, nodes, extra) for n in range(1, size + 1)]

    def start(self, *format_options: str) -> None:
        """Format and start all brokers; returns when they serve."""
        cluster = "4L6g3nShT-eMCtK--X86sw"
        for broker in self.brokers:
            broker.format(cluster, *format_options)
        try:
            for broker in self.brokers:
                broker.start()
            for broker in self.brokers:
                broker.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill all: nobody needs the data any more."""
        for broker in self.brokers:
            broker.kill()

    @property
    def address(self) -> str:
        """Return the bootstrap addresses."""
        return ",".join(broker.address for broker in self.brokers)


class Container:
    """One broker by Docker, for machines without Java."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        self._name = ""

    def start(self) -> None:
        """Start it; returns when it serves."""
        listeners = f"HOST://:{self.port},CONTROLLER://:9093"
        given = {
            "KAFKA_NODE_ID": 1,
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": listeners,
            "KAFKA_ADVERTISED_LISTENERS": f"HOST://{self.address}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "HOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "HOST",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": 1,
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": 1,
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": 1000,
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        }
        self._name = f"tillstream-test-{secrets.token_hex(4)}"
        port = f"127.0.0.1:{self.port}:{self.port}"
        command = ["docker", "run", "--rm", "-d", "--name", self._name, "-p", port]
        for name, value in given.items():
            command += ["-e", f"{name}={value}"]
        subprocess.run([*command, IMAGE], check=True, capture_output=True)
        deadline = time.monotonic() + START_S
        while (
            STARTED
            not in subprocess.run(
                ["docker", "logs", self._name], check=False, capture_output=True
            ).stdout
        ):
            if time.monotonic() > deadline:
                raise UnavailableError("the Kafka container did not start")
            time.sleep(0.2)

    def stop(self) -> None:
        """End it; it removes itself."""
        subprocess.run(["docker", "kill", self._name], check=False, capture_output=True)


def has_docker() -> bool:
    """Say whether a Docker engine answers (the client alone is not enough)."""
    if shutil.which("docker") is None:
        return False
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
        return done.returncode == 0
    return False


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """
    Yield the bootstrap address of a broker that serves for as long as the block takes.

    Raises:
        UnavailableError: none can be had here.
    """
    if given := os.environ.get("TILLSTREAM_TEST_KAFKA"):
        yield given
        return
    service = Container() if has_docker() else Cluster(folder)
    try:
        service.start()
        yield service.address
    finally:
        service.stop()


if __name__ == "__main__":
    try:
        fetch_jars()
    except UnavailableError as error:
        sys.exit(str(error))
