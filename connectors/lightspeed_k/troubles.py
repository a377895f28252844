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
    """The body contradicts itself: its parts do not make its totals."""

    def __init__(self, field: str, parts: int, whole: int) -> None:
        super().__init__(
            "unbalanced",
            f"{field}: parts make {parts}, the body says {whole}, difference {whole - parts}",
        )


class WrongCurrencyError(BodyError):
    """Two currencies in one sale, one that is not the shop's, or none at all."""

    def __init__(self, reason: str) -> None:
        super().__init__("wrong-currency", reason)
