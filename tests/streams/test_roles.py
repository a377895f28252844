"""What a process has by its role."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import streams.export
import streams.http
import streams.operations
from schemas.sealing import generate_master_key
from streams.errors import SetupError
from streams.roles import COPIED, Role
from streams.settings import load
from streams.stages import mapping, match, normalise, project
from streams.worker import Worker

SPECS = (normalise.SPEC, mapping.SPEC, project.SPEC, match.SPEC)
TABLES = {f"{spec.name}.{table.name}" for spec in SPECS for table in spec.tables}


def texts(package: ModuleType) -> Iterator[object]:
    """Yield every text of a package's modules, also those that they import by name."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        yield from (value for value in vars(module).values() if isinstance(value, str))
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            if isinstance(node, ast.Constant):
                yield node.value


def test_every_table_that_the_api_reads_is_copied_and_no_other() -> None:
    api = (streams.http, streams.export, streams.operations)
    assert {text for package in api for text in texts(package) if text in TABLES} == COPIED


@pytest.mark.parametrize("role", [Role.SERVE, Role.WORK])
def test_on_the_embedded_log_half_of_it_is_refused_with_what_to_do(
    tmp_path: Path, role: Role
) -> None:
    settings = load(log=f"embedded://{tmp_path}", keys=f"k1:{generate_master_key()}")
    with pytest.raises(SetupError, match="run `tillstream up`"):
        Worker(settings, fatal=pytest.fail, role=role)
