"""
What every connector must be able to say; the contract tests run over the catalogue.

A connector is pure: no clock, no I/O. It says what a body means (`read`), what the parts of a
transaction make (`assemble`), and holds its conversations with the provider as generators that
yield requests and take responses (`poll`, `fetch`), which `exchange` carries out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol, runtime_checkable

import msgspec

from schemas.businessday import BusinessCalendar
from schemas.catalogue import PosProduct, PosRecord, RecordKind, StockCount
from schemas.part import Part
from schemas.purchasing import PurchaseOrder
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector may know of the account whose body it reads."""

    tenant_id: str
    account_id: str
    location_id: str
    calendar: BusinessCalendar
    currency: str | None = None


class WantedBody(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something the body points at and that has to be fetched.

    Not needed when the part `part_id` of `transaction` is known with at least this version
    (`min_version`) or at least this time of change (`min_updated_at_us`).
    """

    resource: str
    transaction: str = ""
    part_id: str = ""
    min_version: int | None = None
    min_updated_at_us: int | None = None

    def is_met_by(self, part: Part | None) -> bool:
        """Say whether what is known of the part is new enough."""
        if part is None:
            return False
        if self.min_version is not None:
            return part.version >= self.min_version
        return self.min_updated_at_us is None or part.updated_at_us >= self.min_updated_at_us


class ProductSet(msgspec.Struct, frozen=True, kw_only=True):
    """
    The ids of all products that are sold; what else is known of the account is sold no more.

    Args:
        as_of_us: when that was so, microseconds; a product changed later is not meant.
    """

    ids: frozenset[str]
    as_of_us: int


class PastProduct(msgspec.Struct, frozen=True):
    """What a provider's own log says a product was; `changed_by` is its user's number there."""

    product: PosProduct
    changed_by: str | None = None


class ToldRecord(msgspec.Struct, frozen=True):
    """
    A department, vendor or member as the provider says it is; what is personal is in clear.

    `changed_by` is the user of the change at `record.changed_at`, not of a later one that left
    that time as it was.
    """

    record: PosRecord
    changed_by: str | None = None


class RecordSet(msgspec.Struct, frozen=True, kw_only=True):
    """
    All that there is of one kind; what else is known of it was deleted.

    Args:
        as_of_us: when that was so, microseconds; it is the version of each of the records.
    """

    kind: RecordKind
    records: tuple[ToldRecord, ...]
    as_of_us: int


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a body tells.

    Args:
        history: versions of products; the catalogue itself follows `products` alone.
        all_products: for providers that tell of a deletion only by silence.
        all_records: likewise of departments, vendors or members.
        revoked: the merchant withdrew the authorisation; stop calling, tell a person.
    """

    parts: tuple[Part, ...] = ()
    products: tuple[PosProduct, ...] = ()
    history: tuple[PastProduct, ...] = ()
    all_products: ProductSet | None = None
    all_records: RecordSet | None = None
    counts: tuple[StockCount, ...] = ()
    orders: tuple[PurchaseOrder, ...] = ()
    wanted: tuple[WantedBody, ...] = ()
    revoked: bool = False


class NeedsFetch(msgspec.Struct, frozen=True):
    """The body is only a stub."""

    wanted: tuple[WantedBody, ...]
    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """The body is authentic and tells nothing that we keep."""

    reason: str


class Rejected(msgspec.Struct, frozen=True):
    """
    The body cannot be believed; a person must look.

    Args:
        error_type: one word of a closed set: unreadable | unbalanced | wrong-currency |
            too-large | too-deep | unknown-provider.
        reason: what is wrong and by how much; never the body's own text.
    """

    error_type: str
    reason: str


Outcome = Parts | NeedsFetch | Ignored | Rejected


class Delivery(msgspec.Struct, frozen=True):
    """A webhook request as received; header names are lower case."""

    headers: Mapping[str, str]
    url: str
    body: bytes


class SigningKey(msgspec.Struct, frozen=True):
    """A signature key; `valid_until` None is for ever (the old key of a rotation has one)."""

    secret: str
    valid_until: datetime | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """
    Whom an authentic delivery is about.

    Args:
        locations: empty means every location of the merchant.
        delivery_id: the provider's id of this delivery, the same at every retry.
    """

    merchant: str
    locations: tuple[str, ...] = ()
    delivery_id: str | None = None
    resource: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """
    A call to the provider.

    Args:
        path: below its base URL.
        budget: names the limiter it uses.
        once: it writes; carrying it out twice may do harm.
        forgone: the scope without which it is forbidden, where we may do without: then that
            it is so is an answer, and says nothing of the other calls; empty: we may not.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    budget: str = "default"
    content_type: str = "application/json"
    once: bool = False
    forgone: str = ""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Bodies that a conversation brought, each one raw event of `resource`, exact bytes."""

    resource: str
    bodies: tuple[bytes, ...]


DAY_SUMS = "day-sums"
"""Resource of a page whose bodies are `DaySums` as JSON; it is compared, never taken in."""


class DaySums(msgspec.Struct, frozen=True):
    """
    Figures of one business day that the provider itself has added up.

    Args:
        figures: minor units or counts by the names of `projections.reconcile`; only those that
            mean the same at the provider.
    """

    figures: dict[str, int]


Conversation = Generator[Request | Page, Response | None, None]
"""Yields a request and is sent its response, or yields a page and is sent None."""


class Way(Protocol):
    """The way to one account at its provider, whatever it is made of."""

    def converse(self, conversation: Conversation) -> AsyncGenerator[Page, None]:
        """
        Carry a conversation out and hand on the pages it brings.

        Raises:
            ConnectorError: as its kinds say.
        """
        ...


@runtime_checkable
class Bookmarked(Protocol):
    """
    A way whose connector reads a log of the provider's own from where it stopped.

    Args:
        bookmark: where that is, in the connector's own words; None for the begin. Who has
            conversations carried out sets it before and keeps it after, with the run.
    """

    bookmark: str | None


class ConnectorError(Exception):
    """Base of what can go wrong with a provider; named by what to do next."""


class TransientError(ConnectorError):
    """Try again later; nothing is lost."""


class PermanentError(ConnectorError):
    """Trying again cannot help; park it where a person will see it."""


class CredentialsError(ConnectorError):
    """The provider no longer accepts our credentials: a person must reconnect the account."""


class GrantOverError(CredentialsError):
    """The provider says that the authorisation itself is over: only a person can renew it."""


class Connector(Protocol):
    """One provider; `lookback_s` is how far each poll reaches back behind the watermark."""

    provider: str
    lookback_s: int

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say whether the delivery was signed by the provider with a key valid `now`."""
        ...

    def route(self, body: bytes) -> Route | Rejected:
        """Say whom an authentic delivery is about."""
        ...

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a body means; `raw.body` is open (not sealed)."""
        ...

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """
        Make the transactions that these parts are; empty while too little is known.

        Revision, product ids and sealed customer are left to the caller.
        """
        ...

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for everything that changed at the provider in [since, until)."""
        ...

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for the whole catalogue and all stock, as a new account needs them once."""
        ...

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        ...

    def day(self, shop: Shop, day: date) -> Conversation:
        """
        Ask for all bills and refunds of one business day, whatever is known of them already.

        More than the day may come, less may not: its neighbours are left out by whoever
        compares. Pages of `DAY_SUMS` may come besides.
        """
        ...
