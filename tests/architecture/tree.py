"""The project's own Python files, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "projections", "streams")
EVERYTHING = (*PACKAGES, "tests", "benchmarks")


class Module:
    """One file: its path from the root of the project, text and syntax tree."""

    def __init__(self, path: Path) -> None:
        self.path = path.relative_to(ROOT).as_posix()
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self.tree = ast.parse("\n".join(self.lines), self.path)

    @property
    def folder(self) -> str:
        return self.path.partition("/")[0]

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    def at(self, node: ast.expr | ast.stmt, why: str = "") -> str:
        """Say where something is, so that an editor can jump there."""
        text = why or self.lines[node.lineno - 1].strip()
        return f"{self.path}:{node.lineno}: {text}"

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Return every call with the last name of what is called."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield called(node), node


def called(node: ast.Call) -> str:
    function = node.func
    while isinstance(function, ast.Subscript):
        function = function.value
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def modules(*folders: str) -> list[Module]:
    return [module for folder in folders for module in _modules(folder)]


@cache
def _modules(folder: str) -> list[Module]:
    return [Module(path) for path in sorted((ROOT / folder).rglob("*.py"))]


def assert_none(offenders: Iterable[str]) -> None:
    """Fail with the whole list, one offender a line."""
    found = list(offenders)
    assert not found, "\n" + "\n".join(found)


def imports(module: Module) -> Iterator[tuple[str, ast.stmt]]:
    """Return the first name of every absolute import with its statement."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node
