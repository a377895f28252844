"""What is wrong with rows of CORE-POS's beyond what is with any body."""

from __future__ import annotations

from connectors.troubles import BodyError


class UnbalancedError(BodyError):
    """The rows of a transaction do not sum to zero; `difference` in minor units."""

    def __init__(self, number: str, difference: int) -> None:
        super().__init__(
            "unbalanced",
            f"transaction {number}: its rows make {difference}, not 0, difference {difference}",
        )
