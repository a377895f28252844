"""What is personal in public records: sealed, so that equal values of one record look equal."""

from __future__ import annotations

from base64 import b64decode, b64encode

import msgspec
from msgspec.structs import replace

from schemas.catalogue import PosRecord
from schemas.sealing import SealBrokenError, Sealer, wrapped_key_of
from streams.stages.reading import Reading

CUSTOMER = "customer"
"""What customer ids are sealed for: the same customer looks the same in all transactions."""


class Personal:
    """Seals with the key that the body it was told in is sealed with."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def customer(self, reading: Reading, customer: str | None) -> str | None:
        """Return the customer of a transaction, sealed."""
        return None if customer is None else self._sealed(reading, customer, CUSTOMER)

    def sealed(self, reading: Reading, told: PosRecord, known: PosRecord | None) -> PosRecord:
        """
        Return a record whose personal details are sealed.

        What is known and says the same stays as it is: a key that was wrapped anew would make
        it look different.
        """
        if told.personal is None:
            return told
        if known is not None and self._says(known, told.personal):
            return replace(told, personal=known.personal)
        return replace(told, personal=self._sealed(reading, told.personal, _place_of(told)))

    def _says(self, known: PosRecord, plain: str) -> bool:
        """Say whether a record holds these details already; one that holds none does not."""
        try:
            return _plain(known, self._sealer) == plain.encode()
        except SealBrokenError:
            return False

    def _sealed(self, reading: Reading, plain: str, record: str) -> str:
        sealed = self._sealer.seal_equal(
            plain.encode(),
            wrapped_key_of(reading.raw.body),
            tenant=reading.raw.tenant_id,
            record=record,
        )
        return b64encode(sealed).decode()


def opened(record: PosRecord, sealer: Sealer) -> PosRecord:
    """
    Return a record whose personal details are among the others, for whoever may see them.

    Raises:
        SealBrokenError, UnknownKeyError: as in `Sealer.open`.
    """
    if record.personal is None:
        return record
    found = msgspec.json.decode(_plain(record, sealer), type=dict[str, str])
    return replace(record, details=record.details | found, personal=None)


def _plain(record: PosRecord, sealer: Sealer) -> bytes:
    return sealer.open(
        b64decode(record.personal or ""), tenant=record.tenant_id, record=_place_of(record)
    )


def _place_of(record: PosRecord) -> str:
    return f"{record.account_id}/{record.kind.value}/{record.record_id}"
