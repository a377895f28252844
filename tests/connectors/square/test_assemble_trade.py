"""Days of simulated trade, bill by bill, against the simulator's own books."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from connectors.contract import Parts, Shop
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.truth import Figures
from connectors.square.simulator.places import bakeries
from connectors.square.simulator.simulator import SquareSimulator
from schemas.transaction import Kind, Transaction, broken_laws, counts, product_key
from tests.connectors.golden import newest, read
from tests.connectors.square.bodies import SQUARE

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)


def assembled(sim: SquareSimulator, bakery: SimulatedShop) -> list[Transaction]:
    shop = Shop(
        tenant_id="tenant",
        account_id="account",
        location_id=bakery.location_id,
        calendar=bakery.calendar,
        currency=bakery.currency,
    )
    parts = []
    for kind in ("order", "payment", "refund"):
        for body in sim.bodies(kind, bakery.location_id).values():
            outcome = read(SQUARE, body, shop)
            assert isinstance(outcome, Parts), outcome
            parts += outcome.parts
    return [
        made
        for key, bundle in newest(parts).items()
        for made in SQUARE.assemble(key, bundle, shop)
    ]


def figures(made: Transaction) -> Figures:
    tenders: Counter[str] = Counter()
    for tender in made.tenders:
        tenders[tender.method.value] += tender.amount
    return Figures(
        location_id=made.location_id,
        day=made.business_day,
        at=made.occurred_at if made.kind is Kind.REFUND else made.closed_at or made.occurred_at,
        kind=made.kind.value,
        lines=tuple(
            (
                product_key(line),
                line.quantity,
                line.gross,
                line.discount,
                line.tax,
                line.tax_included,
            )  # type: ignore[arg-type]
            for line in made.lines
        ),
        service_charge=made.totals.service_charge,
        tax=made.totals.tax,
        tip=made.totals.tip,
        total=made.totals.total,
        tenders={method: amount for method, amount in tenders.items() if amount},
    )


def known(bill: Figures) -> Figures:
    return Figures(
        location_id=bill.location_id,
        day=bill.day,
        at=bill.at,
        kind=bill.kind,
        lines=tuple(
            (line.key, line.units, line.gross, line.discount, line.tax, line.tax_included)  # type: ignore[arg-type]
            for line in bill.lines
        ),
        service_charge=bill.service_charge,
        tax=bill.tax,
        tip=bill.tip,
        total=bill.total,
        tenders={method: amount for method, amount in bill.tenders.items() if amount},
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_every_bill_is_what_the_simulator_meant_line_by_line(seed: int) -> None:
    places = bakeries(4)
    sim = SquareSimulator(
        SimulatorConfig(now=NOW, seed=seed, shops=places, days=4, orders_per_day=20)
    )
    made = [one for bakery in places for one in assembled(sim, bakery)]
    assert [list(broken_laws(one)) for one in made if list(broken_laws(one))] == []
    done = {one.provider_ids["order"]: figures(one) for one in made if counts(one)}
    assert done == {order: known(bill) for order, bill in sim.bills().items()}
    assert len(done) > 200
