"""Files, functions and lines stay short enough to be read at once; names say what is inside."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from tests.architecture.tree import EVERYTHING, PACKAGES, assert_none, modules

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40
LINE_COLUMNS_MAX = 96
PRAGMA = re.compile(r"\s*# (noqa|type: ignore).*")
NAMES_THAT_SAY_NOTHING = {
    *("base", "common", "helper", "helpers", "lib", "manager", "misc", "shared", "stuff"),
    *("tools", "util", "utils"),
}


def test_no_file_is_longer_than_400_lines() -> None:
    long = [
        f"{module.path}: {len(module.lines)} lines"
        for module in modules(*EVERYTHING)
        if len(module.lines) > FILE_LINES_MAX
    ]
    assert_none(long)


def test_no_function_is_longer_than_40_lines() -> None:
    long = [
        module.at(node, f"{node.name} has {length} lines")
        for module in modules(*EVERYTHING)
        for node in module.nodes
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert_none(long)


def test_no_line_is_wider_than_96_columns() -> None:
    wide = [
        f"{module.path}:{number}: {len(code)} columns"
        for module in modules(*EVERYTHING)
        for number, line in enumerate(module.lines, start=1)
        if len(code := PRAGMA.sub("", line)) > LINE_COLUMNS_MAX
    ]
    assert_none(wide)


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = [
        module.path
        for module in modules(*EVERYTHING)
        if NAMES_THAT_SAY_NOTHING & set(PurePosixPath(module.path).with_suffix("").parts)
    ]
    assert_none(empty)


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        module.path for module in modules(*PACKAGES) if ast.get_docstring(module.tree) is None
    ]
    assert_none(silent)


def test_every_exception_ends_in_error() -> None:
    odd = [
        module.at(node)
        for module in modules(*PACKAGES)
        for node in module.nodes
        if isinstance(node, ast.ClassDef) and _is_exception(node)
        if not node.name.endswith("Error")
    ]
    assert_none(odd)


def _is_exception(node: ast.ClassDef) -> bool:
    names = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return any(name.endswith(("Error", "Exception")) for name in names)
