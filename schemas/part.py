"""What one raw event says about one transaction, and how the newest wins."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True):
    """
    One piece of a transaction.

    Args:
        transaction: the provider's key of the transaction it belongs to ("order:9kD…").
        part_id: which piece ("order", "payment:…", "refund:…").
        version: grows with every change of this piece at the provider.
        updated_at_us: when the provider last changed it, microseconds since the epoch.
        content: what the connector keeps of it, in a form only the connector reads.
    """

    transaction: str
    part_id: str
    version: int
    updated_at_us: int
    content: bytes

    def supersedes(self, other: Part | None) -> bool:
        """
        Say whether this is newer than what is known.

        Ties of version are broken by time and then by content, so that the newest of any set
        of parts is the same in whatever order they arrive.
        """
        if other is None:
            return True
        return (self.version, self.updated_at_us, self.content) > (
            other.version,
            other.updated_at_us,
            other.content,
        )
