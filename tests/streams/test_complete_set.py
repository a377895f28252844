"""A product that its provider has no more is deleted, unless that cannot be believed."""

from __future__ import annotations

from msgspec.structs import replace

from connectors.contract import Rejected
from schemas.catalogue import PosProduct
from streams.stages.complete_set import FEW, absent

NOON = 1_000


def product(name: str, version: int = 1, *, deleted: bool = False) -> PosProduct:
    return PosProduct(
        tenant_id="t",
        account_id="a",
        pos_product_id=name,
        name=name,
        version=version,
        deleted=deleted,
    )


def differences(known: list[PosProduct], ids: frozenset[str]) -> list[PosProduct] | Rejected:
    return absent(known, ids, NOON, lambda one: one.pos_product_id)


def said(*names: str) -> frozenset[str]:
    return frozenset(names)


BREAD, EGGS = product("bread"), product("eggs")


def test_what_is_missing_is_deleted_and_what_is_named_stays_as_it_is() -> None:
    assert differences([BREAD, EGGS], said("bread", "new")) == [
        replace(EGGS, deleted=True, version=NOON)
    ]


def test_what_was_changed_after_the_set_was_made_is_not_meant() -> None:
    assert differences([BREAD, product("eggs", NOON)], said("bread")) == []


def test_a_deleted_product_that_is_named_again_is_back() -> None:
    gone = product("eggs", 5, deleted=True)
    assert differences([BREAD, gone], said("bread", "eggs")) == [
        replace(gone, deleted=False, version=NOON)
    ]


def test_the_same_set_twice_changes_nothing_the_second_time() -> None:
    changed = differences([BREAD, EGGS], said("bread"))
    assert not isinstance(changed, Rejected)
    assert differences([BREAD, *changed], said("bread")) == []


def test_an_empty_set_is_never_a_reason_to_delete() -> None:
    assert isinstance(differences([BREAD], said()), Rejected)


def test_a_set_that_lost_more_than_half_is_refused_with_the_numbers() -> None:
    many = [product(str(number)) for number in range(2 * FEW + 4)]
    names = [one.pos_product_id for one in many]
    half = differences(many, said(*names[: FEW + 2]))
    assert not isinstance(half, Rejected)
    assert len(half) == FEW + 2
    refused = differences(many, said(*names[: FEW + 1]))
    assert isinstance(refused, Rejected)
    assert f"{FEW + 3} of {2 * FEW + 4}" in refused.reason
