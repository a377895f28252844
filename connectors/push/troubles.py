"""Why a transaction cannot be taken; raised inside this folder and caught at its edges."""

from __future__ import annotations


class BodyError(Exception):
    """
    A body that must be rejected.

    Args:
        error_type: one word, as in `Rejected`.
        reason: what is wrong and by how much; never the body's own text.
        pointer: where, as a JSON pointer (RFC 6901) from the transaction; may name a field that
            the sender invented, so it is for the sender and not for the log.
    """

    def __init__(self, error_type: str, reason: str, pointer: str = "") -> None:
        super().__init__(reason)
        self.error_type = error_type
        self.reason = reason
        self.pointer = pointer


class UnreadableError(BodyError):
    """Something that must be there is not, or is not what it should be."""

    def __init__(self, reason: str, pointer: str) -> None:
        super().__init__("unreadable", reason, pointer)


class UnbalancedError(BodyError):
    """The body contradicts itself: its parts do not make its totals."""

    def __init__(self, parts: int, whole: int, pointer: str) -> None:
        name = pointer.rpartition("/")[2]
        reason = f"{name}: parts make {parts}, this says {whole}, difference {whole - parts}"
        super().__init__("unbalanced", reason, pointer)


class WrongCurrencyError(BodyError):
    """A currency that is not the shop's, or none at all."""

    def __init__(self, reason: str) -> None:
        super().__init__("wrong-currency", reason, "/currency")
