"""No float near money, no time without a zone."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator

from tests.architecture.tree import ROOT, Module, assert_none, called, modules

EXACT = ("schemas", "connectors", "projections")

FLOATS_ALLOWED = {
    "schemas/catalogue.py": {"confidence": "how alike two names are"},
    "schemas/rows.py": {"suggested_confidence": "how alike two names are"},
    "schemas/events.py": {"sync_duration_seconds": "a duration"},
    "schemas/topics.py": {"retention_s": "a duration", "_DAY": "a duration"},
    "schemas/wireread.py": {"double": "Avro has the type, for the fields above"},
    "schemas/wirewrite.py": {"double": "Avro has the type, for the fields above"},
    "connectors/exchange.py": {"": "waiting times and rates of calls"},
    "projections/match.py": {"": "how alike two names are"},
}
"""By file: lines that hold this word may speak of floats, and why; "" is every line."""

REFUSE_FLOATS = {"plain", "round_minor"}
"""Functions that fail for a float: dividing in their arguments is dividing Decimals."""

DIVISIONS_ALLOWED = {
    "connectors/lightspeed_k/lines.py": {"tax * fee / value": "of Decimals"},
    "projections/match.py": {"": "how alike two names are"},
}


def is_allowed(module: Module, node: ast.expr | ast.stmt, rules: object) -> bool:
    words = rules.get(module.path, {}) if isinstance(rules, dict) else {}
    return any(word in module.lines[node.lineno - 1] for word in words)


def floats(module: Module) -> Iterator[ast.expr]:
    for node in module.nodes:
        match node:
            case ast.Constant(value=float() | complex()) | ast.Name(id="float"):
                yield node


def divisions(node: ast.AST) -> Iterator[ast.BinOp | ast.AugAssign]:
    """Return the true divisions that might make a float of whole numbers."""
    if isinstance(node, ast.Call) and called(node) in REFUSE_FLOATS:
        return
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div):
        yield node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not has_decimal(node):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from divisions(child)


def has_decimal(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(one, ast.Call) and called(one) == "Decimal" for one in sides)


def test_no_float_near_money() -> None:
    found = [
        module.at(node)
        for module in modules(*EXACT)
        for node in floats(module)
        if not is_allowed(module, node, FLOATS_ALLOWED)
    ]
    assert_none(found)


def test_whole_numbers_are_never_divided_into_a_float() -> None:
    found = [
        module.at(node)
        for module in modules(*EXACT)
        for node in divisions(module.tree)
        if not is_allowed(module, node, DIVISIONS_ALLOWED)
    ]
    assert_none(found)


def test_the_rules_about_floats_can_tell() -> None:
    source = "a = 1.5; b: float = c; d = e / f; round_minor(g / h); i = Decimal(j) / k; l /= m"
    module = Module.__new__(Module)
    module.tree = ast.parse(source)
    assert len(list(floats(module))) == 2
    assert len(list(divisions(module.tree))) == 2


def test_json_is_never_read_with_floats() -> None:
    """json.loads makes floats of decimals; msgspec reads them into Decimal fields exactly."""
    found = [
        module.at(node)
        for module in modules(*EXACT)
        for name, node in module.calls()
        if ast.unparse(node.func) in {"json.load", "json.loads"} or "validate_json" in name
        if not any(keyword.arg == "parse_float" for keyword in node.keywords)
    ]
    assert_none(found)


def test_naive_times_are_refused_by_the_linter() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "ALL" in rules["select"]
    off = [*rules["ignore"], *(r for file in rules["per-file-ignores"].values() for r in file)]
    assert [rule for rule in off if rule.startswith("DTZ")] == []


def test_the_linter_is_silenced_about_naive_times_only_in_tests() -> None:
    found = [
        f"{module.path}:{number}"
        for module in modules(*EXACT, "streams")
        for number, line in enumerate(module.lines, start=1)
        if "noqa: DTZ" in line
    ]
    assert_none(found)
