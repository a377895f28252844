"""
Which product of the tenant a product of the POS is: by SKU, else by name.

The measure of names is the better of two: as written, and with the words sorted. On the
labelled list of the tests (52 names to find, 37 to leave alone) at 0.80 it finds all 52 and is
wrong 3 times. rapidfuzz's WRatio finds all too and is wrong 10 times, because it forgives what
is missing: it takes "Butter" for "Butter Croissant".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from rapidfuzz import fuzz, process, utils

from schemas.catalogue import MappingType, Product
from schemas.codec import unpack

_NUMBER = re.compile(r"\d+")
_SAME = 100
_CANDIDATES = 8


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """
    When a match is good enough.

    Args:
        automatic: whether matches are applied at all, or only suggested.
        threshold: confidence (0..1) from which a name is applied.
        suggest: confidence from which it is suggested.
        margin: by how much (0..1) the runner-up must be worse, else it is a near-tie.
    """

    automatic: bool
    threshold: float
    suggest: float
    margin: float


class Sought(msgspec.Struct, frozen=True):
    """What is known of a POS product that needs a mapping."""

    name: str
    sku: str | None


class Verdict(msgspec.Struct, frozen=True):
    """The best product; `apply` False is a suggestion. Confidence 0..1."""

    product_id: str
    type: MappingType
    confidence: float
    apply: bool


class Candidate(msgspec.Struct, frozen=True):
    """A product of the tenant, prepared for matching."""

    product_id: str
    sku: str | None
    name: str
    sorted_name: str
    numbers: tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def candidate(row: bytes) -> Candidate:
    """Return a product's row prepared; cached, as catalogues are read oftener than changed."""
    product = unpack(Product, row)
    name = utils.default_process(product.name)
    return Candidate(
        product.product_id, sku_of(product.sku), name, _sorted(name), _numbers(product.name)
    )


def sku_of(text: str | None) -> str | None:
    """Return a SKU as it is compared: trimmed, in one case; None for an empty one."""
    return (text or "").strip().casefold() or None


class Shelf:
    """The products to choose from, indexed; `products` in order of their ids."""

    def __init__(self, products: Iterable[Candidate]) -> None:
        self._products = tuple(sorted(products, key=lambda one: one.product_id))
        self._names = [one.name for one in self._products]
        self._sorted = [one.sorted_name for one in self._products]
        self._by_sku: dict[str, list[int]] = {}
        for at, one in enumerate(self._products):
            if one.sku is not None:
                self._by_sku.setdefault(one.sku, []).append(at)

    def judge(self, sought: Sought, rules: Rules) -> Verdict | None:
        """
        Return the best product, None if none is near.

        One product of the same SKU is it. Several are a tie, which a person must decide; so
        are names nearly as near as the best. Names with other numbers (500 g, 1 kg) are other
        goods however alike the rest is: never applied, only suggested.
        """
        sku = sku_of(sought.sku)
        same = self._by_sku.get(sku, []) if sku is not None else []
        if len(same) == 1:
            found = self._products[same[0]].product_id
            return Verdict(found, MappingType.SKU, 1.0, rules.automatic)
        scores = self._scores(sought.name, rules.suggest)
        if same:
            tied = max(same, key=lambda at: (scores.get(at, 0), -at))
            return Verdict(self._products[tied].product_id, MappingType.SKU, 1.0, apply=False)
        return self._by_name(sought, scores, rules)

    def is_near(self, sought: Sought, rules: Rules) -> bool:
        """Say whether anything here may be it or compete with it."""
        sku = sku_of(sought.sku)
        return (sku is not None and sku in self._by_sku) or bool(
            self._scores(sought.name, rules.suggest - rules.margin)
        )

    def _by_name(
        self, sought: Sought, scores: Mapping[int, float], rules: Rules
    ) -> Verdict | None:
        if not scores:
            return None
        numbers = _numbers(sought.name)
        ranked = sorted(
            scores, key=lambda at: (self._products[at].numbers != numbers, -scores[at], at)
        )
        best = ranked[0]
        alike = [at for at in ranked[1:] if self._products[at].numbers == numbers]
        runner_up = scores[alike[0]] if alike else 0
        clear = (
            scores[best] - runner_up >= rules.margin * _SAME
            or runner_up < scores[best] == _SAME
        )
        fits = self._products[best].numbers == numbers
        confidence = round(scores[best] / _SAME, 4)
        applied = rules.automatic and clear and fits and confidence >= rules.threshold
        return Verdict(
            self._products[best].product_id, MappingType.AUTO, confidence, apply=applied
        )

    def _scores(self, text: str, cutoff: float) -> dict[int, float]:
        """Return the scores (0..100) of the nearest names, by position."""
        name = utils.default_process(text)
        if not name:
            return {}
        scores: dict[int, float] = {}
        for query, choices in ((name, self._names), (_sorted(name), self._sorted)):
            for _, score, at in process.extract(
                query,
                choices,
                scorer=fuzz.ratio,
                score_cutoff=cutoff * _SAME,
                limit=_CANDIDATES,
            ):
                scores[at] = max(scores.get(at, 0), score)
        return scores


def shelf_of(rows: Iterable[bytes]) -> Shelf:
    """Return the shelf of packed product rows."""
    return Shelf(candidate(row) for row in rows)


def _sorted(name: str) -> str:
    return " ".join(sorted(name.split()))


def _numbers(name: str) -> tuple[str, ...]:
    found: Sequence[str] = _NUMBER.findall(name)
    return tuple(sorted(found))
