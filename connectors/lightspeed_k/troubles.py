"""What is wrong with a body of K-Series' beyond what is with any."""

from __future__ import annotations

from connectors.troubles import BodyError


class WrongCurrencyError(BodyError):
    """Two currencies in one sale, one that is not the shop's, or none at all."""

    def __init__(self, reason: str) -> None:
        super().__init__("wrong-currency", reason)
