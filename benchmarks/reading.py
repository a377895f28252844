"""What each provider's bodies cost to read and assemble, beside decoding the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from connectors.catalogue import CONNECTORS
from connectors.contract import Connector, Parts, Shop
from tests.connectors.golden import home_of, newest, raw_event, samples_of

ROUNDS, LEAST_S = 5, 0.2


class Reading(msgspec.Struct, kw_only=True):
    """
    Microseconds of processor time for one body, medians of interleaved rounds.

    Args:
        bytes_mean: of a body; the bodies are all golden samples of the provider.
        decode_us: `msgspec.json.decode` of the same bytes, into plain dicts.
        read_us: reading it and assembling what it makes, each body's transactions once.
    """

    provider: str
    bodies: int
    bytes_mean: int
    decode_us: float
    read_us: float
    ratio: float


def measure() -> list[Reading]:
    """Measure every provider that has samples."""
    return [_of(name, connector) for name, connector in CONNECTORS.items() if samples_of(name)]


def _of(provider: str, connector: Connector) -> Reading:
    samples = [sample.bodies for sample in samples_of(provider)]
    bodies = [body for sample in samples for body in sample]
    shop = home_of(provider)
    decode, read = list[float](), list[float]()
    for _ in range(ROUNDS):
        decode.append(_seconds(lambda: _decode(bodies)))
        read.append(_seconds(lambda: _read(connector, samples, shop)))
    count = len(bodies)
    return Reading(
        provider=provider,
        bodies=count,
        bytes_mean=sum(map(len, bodies)) // count,
        decode_us=round(median(decode) / count * 1e6, 2),
        read_us=round(median(read) / count * 1e6, 1),
        ratio=round(median(r / d for r, d in zip(read, decode, strict=True)), 1),
    )


def _decode(bodies: Sequence[bytes]) -> None:
    for body in bodies:
        msgspec.json.decode(body)


def _read(connector: Connector, samples: Sequence[Sequence[bytes]], shop: Shop) -> None:
    for bodies in samples:
        told = [connector.read(raw_event(body, connector.provider), shop) for body in bodies]
        parts = [part for one in told if isinstance(one, Parts) for part in one.parts]
        for key, bundle in newest(parts).items():
            connector.assemble(key, bundle, shop)


def _seconds(work: Callable[[], None]) -> float:
    """Return the processor seconds of one call, from as many as make a fifth of a second."""
    calls, began = 0, time.process_time()
    while (spent := time.process_time() - began) < LEAST_S:
        work()
        calls += 1
    return spent / calls
