"""Project, match and mapping together, on the embedded log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from schemas import topics
from schemas.catalogue import Product, ProductMapping
from schemas.codec import encode, unpack
from schemas.rows import Row, SalesRow
from streams.log import Out, lane_of
from streams.runtime import Job, Runtime
from streams.stages import mapping, match, project
from streams.topics import all_topics
from tests.projections.builders import ACCOUNT, MONDAY, TENANT, a_bill, a_count, a_line, at, new
from tests.projections.oracle import rows_of

LANES = 2
ACCOUNT_LANE = lane_of(ACCOUNT.encode(), LANES)
TENANT_LANE = lane_of(TENANT.encode(), LANES)
RULES = SimpleNamespace(
    lanes=LANES, auto_mapping=True, auto_mapping_threshold=0.80, suggestion_threshold=0.60
)


def a_runtime(folder: Path) -> Runtime:
    def fatal(error: BaseException) -> None:
        raise error

    return Runtime(
        f"embedded://{folder}/log",
        app_id="test",
        datadir=folder / "data",
        jobs=[
            Job(mapping.SPEC, mapping.step),
            Job(project.SPEC, project.projector(LANES)),
            Job(match.SPEC, match.matcher(RULES)),
        ],
        topics=all_topics(LANES),
        fatal=fatal,
    )


async def append(
    runtime: Runtime, topic: str, key: str, records: Sequence[msgspec.Struct], lane: int
) -> None:
    outs = [Out(key.encode(), encode(record), (), lane) for record in records]
    await runtime.log.append(topic, outs)
    await runtime.views.settle(range(LANES), 10.0)


def rows(runtime: Runtime, table: str, cls: type[Row]) -> dict[str, Row]:
    found = runtime.views.scan(f"project.{table}", ACCOUNT_LANE, b"")
    return {key.decode(): unpack(cls, row) for key, row in found}


def a_product(name: str) -> Product:
    return Product(tenant_id=TENANT, product_id="mine", name=name, updated_at=MONDAY)


@pytest.mark.slow
async def test_a_sale_is_mapped_by_name_through_all_stages_and_the_rows_outlive_a_restart(
    tmp_path: Path,
) -> None:
    bills = [a_bill("1", a_line("p1", 300, name="Rye bread")), a_bill("2", a_line("p2", 50))]
    counts = [a_count("10", at(8))]
    runtime = a_runtime(tmp_path)
    await runtime.start()
    try:
        await append(runtime, topics.TRANSACTIONS, "x", new(*bills), ACCOUNT_LANE)
        await append(runtime, topics.STOCK_COUNTS, ACCOUNT, counts, ACCOUNT_LANE)
        assert rows(runtime, "sales", SalesRow) == rows_of(bills, {}, counts)["sales"]
        product = [a_product("Rye Bread")]
        await append(runtime, topics.PRODUCTS, f"{TENANT}/mine", product, TENANT_LANE)
        ((key, row),) = runtime.views.scan("mapping.mappings", ACCOUNT_LANE, b"")
    finally:
        await runtime.stop()
    mapped = unpack(ProductMapping, row)
    assert (key, mapped.product_id) == (b"a1/p1", "mine")
    wanted = rows_of(bills, {(ACCOUNT, "p1"): mapped}, counts)
    again = a_runtime(tmp_path)
    await again.start()
    try:
        await again.views.settle(range(LANES), 10.0)
        for view in project.VIEWS:
            assert rows(again, view.table, view.row) == wanted[view.table]
        (found,) = again.views.scan(
            "project.transactions", ACCOUNT_LANE, b"a1/2026-03-02/tx-a1-1"
        )
        at_place = again.views.get("project.places", ACCOUNT_LANE, [b"tx-a1-1"])
        assert at_place == [found[0]]
    finally:
        await again.stop()
