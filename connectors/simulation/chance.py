"""Chance from a seed: the same names give the same throws, on every machine."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from string import ascii_letters, digits

_ALPHABET = digits + ascii_letters
MILLISECOND = timedelta(milliseconds=1)


class Chance(Random):
    """A source of throws, known by the names it was made of."""

    def __init__(self, *names: object) -> None:
        super().__init__("/".join(str(name) for name in names))

    def happens(self, per_mille: int) -> bool:
        """Say yes in so many of a thousand cases."""
        return self.randrange(1000) < per_mille

    def id(self, length: int = 22) -> str:
        """Return an id of letters and digits."""
        return "".join(self.choices(_ALPHABET, k=length))

    def uuid(self) -> str:
        """Return what looks like a UUID of version 4."""
        text = f"{self.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"

    def between(self, least: timedelta, most: timedelta) -> timedelta:
        """Return a span of whole milliseconds."""
        return self.randint(least // MILLISECOND, most // MILLISECOND) * MILLISECOND


def whole(instant: datetime) -> datetime:
    """Cut an instant to the millisecond, which is as fine as most providers tell times."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
