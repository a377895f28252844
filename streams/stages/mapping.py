"""
The stage `mapping`: requests become mappings; it alone writes `pos.mappings`.

A person's word beats everything, an equal SKU beats a similar name, a suggestion is never
applied. A row is never deleted, because what a person undid must stay undone:

* product set: mapped, `type` says by what;
* no product, type `manual`: a person undid it; matching leaves it alone until a person asks for
  matching again (`reopening`);
* no product, another type: open, perhaps with a suggestion.

A person's word counts by its own time, so a repeated or late request cannot undo a newer one. A
guess carries no such time: it counts by rule, and the same guess twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from schemas import topics
from schemas.catalogue import MappingAction, MappingRequest, MappingType, ProductMapping
from schemas.codec import UndecodableError, decode, pack, unpack
from streams.log import DeadLetter, Effects, Record, StageSpec, StateView, Table
from streams.stages.tables import folded, row_out

NAME = "mapping"

SPEC = StageSpec(
    name=NAME,
    sources=(topics.MAPPING_REQUESTS,),
    outputs=(topics.MAPPINGS,),
    tables=(Table("mappings", topics.MAPPINGS, folded(ProductMapping)),),
    rejected=topics.REJECTED,
)

_STRENGTH = {MappingType.AUTO: 0, MappingType.SKU: 1, MappingType.MANUAL: 2}
"""An equal SKU beats a similar name, and a person both."""


def step(records: Sequence[Record], state: StateView) -> Effects:
    """Decide each request in order and write the mappings that changed."""
    effects = Effects()
    requests = _readable(records, effects)
    keys = list(dict.fromkeys(_key(request) for request in requests))
    before = dict(zip(keys, state.get("mappings", keys), strict=True))
    now = {
        key: None if row is None else unpack(ProductMapping, row) for key, row in before.items()
    }
    for request in requests:
        key = _key(request)
        now[key] = decide(now[key], request)
    for key, mapping in now.items():
        row = None if mapping is None else pack(mapping)
        if row != before[key]:
            effects.rows.setdefault("mappings", {})[key] = row
            effects.outputs.setdefault(topics.MAPPINGS, []).append(row_out(key, mapping))
    return effects


def _readable(records: Sequence[Record], effects: Effects) -> list[MappingRequest]:
    requests = []
    for record in records:
        if record.value is None:
            continue
        try:
            request = decode(MappingRequest, record.value)
        except UndecodableError as error:
            effects.rejected.append(DeadLetter(record, "undecodable", str(error)))
            continue
        if request.action is not MappingAction.UNMAP and not request.product_id:
            reason = f"a request to {request.action.value} names no product"
            effects.rejected.append(DeadLetter(record, "invalid-request", reason))
            continue
        requests.append(request)
    return requests


def _key(request: MappingRequest) -> bytes:
    return f"{request.account_id}/{request.pos_product_id}".encode()


def decide(known: ProductMapping | None, request: MappingRequest) -> ProductMapping | None:
    """Return the mapping after a request; the known one where the request may not change it."""
    if request.type is not MappingType.MANUAL:
        return _guessed(known, request)
    late = known is not None and request.requested_at < known.mapped_at
    if late and known is not None and known.type is MappingType.MANUAL:
        return known
    match request.action:
        case MappingAction.MAP:
            return _written(request, request.product_id, MappingType.MANUAL, 1.0)
        case MappingAction.UNMAP:
            return _written(request, None, MappingType.MANUAL, 1.0)
        case MappingAction.SUGGEST:
            return _suggested(known, request)


def _guessed(known: ProductMapping | None, request: MappingRequest) -> ProductMapping | None:
    if request.action is MappingAction.UNMAP:
        return _reopened(known, request)
    if known is not None and known.type is MappingType.MANUAL:
        return known
    if request.action is MappingAction.SUGGEST:
        return _suggested(known, request)
    if known is not None and known.product_id is not None:
        better = (_STRENGTH[request.type], request.confidence)
        if better <= (_STRENGTH[known.type], known.confidence):
            return known
    return _written(request, request.product_id, request.type, request.confidence)


def _reopened(known: ProductMapping | None, request: MappingRequest) -> ProductMapping | None:
    """Forget what a person undid and what was suggested; what is mapped stays mapped."""
    if known is None or known.product_id is not None:
        return known
    if known.type is not MappingType.MANUAL and known.suggested_product_id is None:
        return known
    return _written(request, None, MappingType.AUTO, 0.0)


def _suggested(known: ProductMapping | None, request: MappingRequest) -> ProductMapping | None:
    if known is None:
        known = _written(request, None, MappingType.AUTO, 0.0)
    if known.product_id is not None or known.type is MappingType.MANUAL:
        return known
    if known.suggested_product_id == request.product_id and (
        known.suggested_confidence == request.confidence
    ):
        return known
    return replace(
        known,
        suggested_product_id=request.product_id,
        suggested_confidence=request.confidence,
    )


def _written(
    request: MappingRequest, product_id: str | None, kind: MappingType, confidence: float
) -> ProductMapping:
    return ProductMapping(
        tenant_id=request.tenant_id,
        account_id=request.account_id,
        pos_product_id=request.pos_product_id,
        product_id=product_id,
        type=kind,
        confidence=confidence,
        mapped_by=request.requested_by,
        mapped_at=request.requested_at,
    )


def reopening(
    account: str, product: str, *, tenant: str, request_id: str, by: str, at: datetime
) -> MappingRequest:
    """
    Return the request by which a person lets matching work on an undone mapping again.

    Append it before the product is reported anew (`pos.mapping-needed`): then it is decided
    before the guess that the report leads to.
    """
    return MappingRequest(
        request_id=request_id,
        tenant_id=tenant,
        account_id=account,
        pos_product_id=product,
        action=MappingAction.UNMAP,
        type=MappingType.AUTO,
        product_id=None,
        confidence=0.0,
        requested_by=by,
        requested_at=at,
    )
