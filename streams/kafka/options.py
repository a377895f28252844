"""Settings of the Kafka log, as its URL: `kafka://host:9092,host2:9092?worker=w1&static=1`."""

from __future__ import annotations

import socket
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl, urlsplit

from streams.errors import SetupError

PORT = 9092
COMPRESSIONS = ("none", "gzip", "lz4", "zstd", "snappy")


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """
    What the URL may say; the defaults are measured to be good.

    Args:
        worker: name of this process among the workers; none is the host's name. Lanes go back
            to the worker that had them, so it should outlive a restart.
        static: 1 makes the worker a static member of the group: a restart within `session_s`
            moves no lane, but the lanes of one that stays away wait for that long.
        session_s: seconds without a sign of life until a worker's lanes move on.
        replication: copies of a new topic; -1 is the broker's default.
        min_isr: copies that must have a record before it counts; 0 is the broker's default.
        compression: of what is written: none, gzip, lz4, zstd or snappy.
        chunk: records handed to a step at a time.
        buffer: chunks kept between the consumer and a lane, per stage and source topic.
        fetch_kb: kibibytes fetched of a partition at a time, which is the size of a chunk.
        record_mb: mebibytes that one record may have.
        transaction_s: seconds until the broker gives up a transaction of a silent worker;
            readers behind it wait for that long.
        cache_mb: block cache for state, shared by all lanes; it must hold the working set.
        buffers_mb: write buffers of the state of all lanes together.
    """

    worker: str = ""
    static: int = 0
    session_s: float = 8.0
    replication: int = -1
    min_isr: int = 0
    compression: str = "none"
    chunk: int = 2000
    buffer: int = 4
    fetch_kb: int = 1024
    record_mb: int = 16
    transaction_s: float = 30.0
    cache_mb: int = 256
    buffers_mb: int = 128

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise SetupError(f"kafka log: compression must be one of {', '.join(COMPRESSIONS)}")
        if self.static not in (0, 1):
            raise SetupError(f"kafka log: static={self.static}; give 0 or 1")
        if self.static and not self.worker:
            raise SetupError("kafka log: static=1 needs worker=, a name that stays the same")
        for name in ("session_s", "chunk", "buffer", "fetch_kb", "record_mb", "transaction_s"):
            if not getattr(self, name) > 0:
                raise SetupError(f"kafka log: {name} must be greater than 0")

    @property
    def name(self) -> str:
        """Return the worker's name."""
        return self.worker or socket.gethostname()


def parse(url: str) -> tuple[str, KafkaOptions]:
    """
    Return the bootstrap addresses, comma separated, and the options.

    Raises:
        SetupError: an option is unknown or of the wrong kind, or there is no address.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.path.strip("/"):
        raise SetupError("kafka log: addresses only; who signs in is in TILLSTREAM_KAFKA__…")
    addresses = [_with_port(host) for host in parts.netloc.split(",") if host]
    if not addresses:
        raise SetupError("kafka log: no address; use kafka://host:9092")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    return ",".join(addresses), _options(given)


def _with_port(host: str) -> str:
    return host if host.rpartition(":")[2].isdigit() else f"{host}:{PORT}"


def _options(given: dict[str, str]) -> KafkaOptions:
    kinds = {option.name: option.type for option in fields(KafkaOptions)}
    if unknown := sorted(set(given) - set(kinds)):
        raise SetupError(f"kafka log: unknown option {unknown}; known: {sorted(kinds)}")
    values: dict[str, object] = {}
    for name, text in given.items():
        try:
            values[name] = {"int": int, "float": float, "str": str}[str(kinds[name])](text)
        except ValueError as error:
            raise SetupError(f"kafka log: {name}={text!r} is not a number") from error
    return KafkaOptions(**values)  # type: ignore[arg-type]  # each was read as its field's type
