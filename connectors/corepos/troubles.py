"""Why a body cannot be believed; raised inside this folder only, outside it is `Rejected`."""

from __future__ import annotations


class BodyError(Exception):
    """A body that must be rejected: `error_type` and `reason` as in `Rejected`."""

    def __init__(self, error_type: str, reason: str) -> None:
        super().__init__(reason)
        self.error_type = error_type
        self.reason = reason


class UnreadableError(BodyError):
    """Something that must be there is not, or is not what it should be."""

    def __init__(self, reason: str) -> None:
        super().__init__("unreadable", reason)


class UnbalancedError(BodyError):
    """The rows of a transaction do not sum to zero; `difference` in minor units."""

    def __init__(self, number: str, difference: int) -> None:
        super().__init__(
            "unbalanced",
            f"transaction {number}: its rows make {difference}, not 0, difference {difference}",
        )


class NoCurrencyError(BodyError):
    """CORE-POS never says a currency, so the account has to know its own."""

    def __init__(self) -> None:
        super().__init__(
            "wrong-currency",
            "unreadable: no currency in the body; the account's currency is needed",
        )
