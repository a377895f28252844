"""
The stage `match`: a tenant's products and its unmapped POS products meet in the tenant's lane.

It asks for mappings in the accounts' lanes and decides nothing: the stage `mapping` does. What
was sought is kept with the verdict on it, so that products which come later are tried too, and
only a new verdict is a new request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from projections.match import Rules, Shelf, Sought, Verdict, shelf_of
from schemas import topics
from schemas.catalogue import MappingAction, MappingRequest, Product
from schemas.codec import UndecodableError, decode, encode, pack, unpack
from schemas.events import MappingNeeded, UnmappedSample
from schemas.identity import derived_id
from streams.log import (
    DeadLetter,
    Effects,
    Out,
    Record,
    Rows,
    StageSpec,
    StateView,
    Step,
    Table,
    lane_of,
)
from streams.stages.tables import folded

NAME = "match"

MARGIN = 0.05
"""How much worse the runner-up must be; nearer ones are near-ties, left to a person."""

MATCHER = "match"
"""Who asks for a mapping when no person did."""

SPEC = StageSpec(
    name=NAME,
    sources=(topics.PRODUCTS, topics.MAPPING_NEEDED),
    outputs=(topics.MAPPING_REQUESTS,),
    tables=(
        Table("products", topics.PRODUCTS, folded(Product)),
        Table("match_state", topics.MATCH_STATE),
    ),
    rejected=topics.REJECTED,
)


class MatchSettings(Protocol):
    """The settings that matching looks at."""

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        ...

    @property
    def auto_mapping(self) -> bool:
        """Whether matches are applied without asking a person."""
        ...

    @property
    def auto_mapping_threshold(self) -> float:
        """Confidence (0..1) from which a match is applied."""
        ...

    @property
    def suggestion_threshold(self) -> float:
        """Confidence (0..1) from which a match is suggested."""
        ...


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """The row of `match_state`: a POS product that had no mapping, and the verdict on it."""

    tenant_id: str
    account_id: str
    pos_product_id: str
    sought: Sought
    verdict: Verdict | None = None


class _Chunk:
    def __init__(self, state: StateView, rules: Rules, lanes: int) -> None:
        self.effects = Effects()
        self._state = state
        self._rules = rules
        self._lanes = lanes
        self._products: dict[str, Rows] = {}
        self._needs: dict[str, dict[bytes, tuple[Need, Record]]] = {}

    def read(self, record: Record) -> None:
        """
        Take one record in.

        Raises:
            UndecodableError: the bytes are not what the topic promises.
        """
        if record.topic == topics.PRODUCTS:
            if record.key is not None:
                row = None if record.value is None else pack(decode(Product, record.value))
                tenant = record.key.decode().partition("/")[0]
                self._products.setdefault(tenant, {})[record.key] = row
        elif record.value is not None:
            event = decode(MappingNeeded, record.value)
            for product in event.new_products:
                need = Need(
                    tenant_id=event.tenant_id,
                    account_id=event.pos_account_id,
                    pos_product_id=product.pos_product_id,
                    sought=_sought(product),
                )
                asked = self._needs.setdefault(event.tenant_id, {})
                asked[_key(need)] = (need, record)

    def work(self, last: Record) -> None:
        """Match what was asked for, and what changed products may decide otherwise."""
        for tenant in sorted(self._products.keys() | self._needs.keys()):
            prefix = f"{tenant}/".encode()
            changed = self._products.get(tenant, {})
            asked = self._needs.get(tenant, {})
            if changed:
                self.effects.rows.setdefault("products", {}).update(changed)
            again = self._affected(prefix, changed) if changed else []
            again = [need for need in again if _key(need) not in asked]
            if not asked and not again:
                continue
            known = self._state.scan("products", prefix) | changed
            shelf = shelf_of(row for row in known.values() if row is not None)
            for need, record in asked.values():
                self._judge(need, shelf, record, repeat=True)
            for need in again:
                self._judge(need, shelf, last, repeat=False)

    def _affected(self, prefix: bytes, changed: Rows) -> Iterable[Need]:
        news = shelf_of(row for row in changed.values() if row is not None)
        for row in self._state.scan("match_state", prefix).values():
            need = unpack(Need, row)
            chosen = need.verdict
            gone = chosen is not None and prefix + chosen.product_id.encode() in changed
            if gone or news.is_near(need.sought, self._rules):
                yield need

    def _judge(self, need: Need, shelf: Shelf, record: Record, *, repeat: bool) -> None:
        verdict = shelf.judge(need.sought, self._rules)
        judged = msgspec.structs.replace(need, verdict=verdict)
        if repeat or verdict != need.verdict:
            self.effects.rows.setdefault("match_state", {})[_key(need)] = pack(judged)
            if verdict is not None:
                self._ask(judged, verdict, record)

    def _ask(self, need: Need, verdict: Verdict, record: Record) -> None:
        cause = (record.topic, str(record.partition), str(record.offset))
        request = MappingRequest(
            request_id=derived_id("match", need.account_id, need.pos_product_id, *cause),
            tenant_id=need.tenant_id,
            account_id=need.account_id,
            pos_product_id=need.pos_product_id,
            action=MappingAction.MAP if verdict.apply else MappingAction.SUGGEST,
            type=verdict.type,
            product_id=verdict.product_id,
            confidence=verdict.confidence,
            requested_by=MATCHER,
            requested_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        )
        account = need.account_id.encode()
        out = Out(account, encode(request), (), lane_of(account, self._lanes))
        self.effects.outputs.setdefault(topics.MAPPING_REQUESTS, []).append(out)


def matcher(settings: MatchSettings) -> Step:
    """Return the step."""
    rules = Rules(
        automatic=settings.auto_mapping,
        threshold=settings.auto_mapping_threshold,
        suggest=settings.suggestion_threshold,
        margin=MARGIN,
    )

    def match(records: Sequence[Record], state: StateView) -> Effects:
        chunk = _Chunk(state, rules, settings.lanes)
        for record in records:
            try:
                chunk.read(record)
            except UndecodableError as error:
                chunk.effects.rejected.append(DeadLetter(record, "undecodable", str(error)))
        if records:
            chunk.work(records[-1])
        return chunk.effects

    return match


def _key(need: Need) -> bytes:
    return f"{need.tenant_id}/{need.account_id}/{need.pos_product_id}".encode()


def _sought(product: UnmappedSample) -> Sought:
    # an id that stands where no name is known says nothing of what the product is
    named = product.name != product.pos_product_id
    return Sought(product.name if named else "", product.sku)
