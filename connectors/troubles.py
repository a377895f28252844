"""Why a body cannot be believed; raised by what reads bodies, outside it is `Rejected`."""

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
    """Two currencies in one bill, or one that is not the account's."""

    def __init__(self, found: str, expected: str) -> None:
        known = found if len(found) == 3 and found.isalpha() else "?"  # noqa: PLR2004 - ISO 4217
        super().__init__("wrong-currency", f"an amount in {known} where {expected} is due")


class NoCurrencyError(BodyError):
    """The provider's bodies never say a currency, so the account has to know its own."""

    def __init__(self) -> None:
        super().__init__(
            "wrong-currency",
            "unreadable: no currency in the body; the account's currency is needed",
        )


def must_equal(field: str, parts: int, whole: int) -> None:
    """
    Insist that what the parts make is what the body says.

    Raises:
        UnbalancedError: names the field and the difference.
    """
    if parts != whole:
        raise UnbalancedError(field, parts, whole)
