"""All that is known of one provider key: its newest parts, and the transactions they made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from schemas.identity import change_id
from schemas.part import Part
from schemas.transaction import Cause, Transaction, TransactionChange, product_key


class Bundle(msgspec.Struct, kw_only=True):
    """
    The row of the internal table `parts`.

    Args:
        transactions: what was last emitted, exactly, because a change takes it back.
        revisions: the newest revision of every transaction that this key ever made.
    """

    parts: dict[str, Part] = msgspec.field(default_factory=dict)
    transactions: tuple[Transaction, ...] = ()
    revisions: dict[str, int] = msgspec.field(default_factory=dict)

    def take(self, parts: Iterable[Part], *, again: bool = False) -> int:
        """
        Keep what is newer and return how many parts were.

        Args:
            again: a replay; its parts win over known ones of the same version, because today's
                reading of the same bytes replaces the one of an earlier release.
        """
        newer = 0
        for part in parts:
            known = self.parts.get(part.part_id)
            if part.supersedes(known) or (again and _same_age(part, known)):
                newer += known != part
                self.parts[part.part_id] = part
        return newer

    def become(
        self, transactions: Iterable[Transaction], cause: Cause
    ) -> Iterator[TransactionChange]:
        """Take over what the parts make now; yield a change for every difference."""
        before = {tx.transaction_id: tx for tx in self.transactions}
        kept: list[Transaction] = []
        for tx in transactions:
            old = before.pop(tx.transaction_id, None)
            if old is not None and replace(tx, revision=old.revision) == old:
                kept.append(old)
                continue
            new = replace(tx, revision=self._next(tx.transaction_id))
            kept.append(new)
            yield _change(old, new, new.revision, cause)
        for old in before.values():
            yield _change(old, None, self._next(old.transaction_id), cause)
        self.transactions = tuple(kept)

    def _next(self, transaction_id: str) -> int:
        revision = self.revisions.get(transaction_id, 0) + 1
        self.revisions[transaction_id] = revision
        return revision


def _same_age(part: Part, known: Part | None) -> bool:
    return known is not None and (part.version, part.updated_at_us) == (
        known.version,
        known.updated_at_us,
    )


def _change(
    before: Transaction | None, after: Transaction | None, revision: int, cause: Cause
) -> TransactionChange:
    either = after or before
    if either is None:
        msg = "a change needs a transaction before or after it"
        raise ValueError(msg)
    return TransactionChange(
        change_id=change_id(either.transaction_id, revision),
        tenant_id=either.tenant_id,
        account_id=either.account_id,
        transaction_id=either.transaction_id,
        revision=revision,
        before=before,
        after=after,
        cause=cause,
    )


def stamped(tx: Transaction, products: Mapping[str, str], customer: str | None) -> Transaction:
    """
    Return the transaction with what the connector cannot know.

    Args:
        products: the tenant's product id by product key, for those mapped at this moment.
        customer: the provider's customer id, sealed.
    """
    if tx.customer != customer:
        tx = replace(tx, customer=customer)
    if products and any(product_key(line) in products for line in tx.lines):
        lines = tuple(
            replace(line, product_id=products.get(product_key(line))) for line in tx.lines
        )
        tx = replace(tx, lines=lines)
    return tx
