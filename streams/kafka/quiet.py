"""Keep the client libraries from filling the logs while a broker is away."""

from __future__ import annotations

import logging
import time

PER_MINUTE = 5
_LIBRARIES = ("aiokafka", "faust", "mode", "kafka")


class _Few(logging.Filter):
    """Let a few records a minute of each place in the code through."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        since, count = self._seen.get(place, (now, 0))
        if now - since > 60:  # noqa: PLR2004 - a minute
            since, count = now, 0
        self._seen[place] = (since, count + 1)
        return count < PER_MINUTE


_few = _Few()


def hush() -> None:
    """Keep warnings of the libraries, a few of each kind; call once all are imported."""
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of every answer that it then asks for again, which new partitions of a
    # transaction bring about now and then.
    logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _LIBRARIES:
            logger = logging.getLogger(name)
            if _few not in logger.filters:
                logger.addFilter(_few)
