"""docs/push.md says what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from connectors.catalogue import CONNECTORS
from connectors.push.mapping import read_mapping
from connectors.push.schema import schema
from connectors.push.wire import PushedTransaction
from tests.connectors.golden import transactions

DOCUMENT = Path(__file__).parents[3] / "docs" / "push.md"
HEAD = "## The schema"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


def test_the_schema_in_the_document_is_the_one_that_is_served(*, regold: bool) -> None:
    current = json.dumps(schema(), indent=1)
    if regold:
        front, head, back = DOCUMENT.read_text().partition(HEAD)
        lead = back.partition("```json\n")[0]
        DOCUMENT.write_text(f"{front}{head}{lead}```json\n{current}\n```\n")
    assert blocks("json")[-1] == f"{current}\n"


def test_the_sale_in_the_document_is_one() -> None:
    (sale,) = transactions(CONNECTORS["push"], [blocks("json")[0].encode()])
    assert sale.totals.total == 530


def test_the_mapping_in_the_document_can_be_used() -> None:
    (text,) = blocks("toml")
    assert read_mapping(text.encode()).times() == ("Datum", "Zeit")


def test_the_schema_has_every_field_refuses_others_and_leads_somewhere() -> None:
    document = schema()
    one = document["$defs"]["PushedTransaction"]
    assert set(one["properties"]) == set(PushedTransaction.__struct_fields__)
    assert one["required"] == ["id", "occurred_at"]
    for name, definition in document["$defs"].items():
        if name.startswith("Pushed"):
            assert definition["additionalProperties"] is False
    for reference in re.findall(r'"#/\$defs/(\w+)"', json.dumps(document)):
        assert reference in document["$defs"]
