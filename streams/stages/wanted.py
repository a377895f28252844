"""What the bodies of a chunk point at, and which of it has to be fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.contract import WantedBody
from schemas.identity import derived_id
from schemas.sync import Fetch
from streams.stages.bundle import Bundle
from streams.stages.reading import Reading, row_key


class Wanted:
    """Collects wishes; decides at the end of the chunk, when all its parts are known."""

    def __init__(self) -> None:
        self._wishes: list[tuple[Reading, WantedBody]] = []

    def add(self, reading: Reading, wanted: Sequence[WantedBody]) -> None:
        """Take the wishes of one body."""
        self._wishes += [(reading, want) for want in wanted]

    def fetches(self, bundles: Mapping[bytes, Bundle]) -> Iterator[Fetch]:
        """Yield one fetch for everything that is neither known nor already asked for here."""
        asked: set[tuple[str, str]] = set()
        for reading, want in self._wishes:
            account = reading.account
            name = (account.account_id, want.resource)
            if name in asked or _known(bundles, account.account_id, want):
                continue
            asked.add(name)
            yield Fetch(
                fetch_id=derived_id("fetch", reading.raw.raw_id, want.resource),
                tenant_id=account.tenant_id,
                account_id=account.account_id,
                provider=account.provider,
                resource=want.resource,
                cause_raw_id=reading.raw.raw_id,
                requested_at=reading.raw.received_at,
            )


def _known(bundles: Mapping[bytes, Bundle], account: str, want: WantedBody) -> bool:
    if not want.transaction:
        return False
    parts = bundles[row_key(account, want.transaction)].parts
    return want.is_met_by(parts.get(want.part_id))
