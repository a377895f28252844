"""Every import points at `schemas`, and each library is spoken to in one place only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, assert_none, imports, modules

ONLY_IN = {
    "fastavro": ("schemas/",),
    "cryptography": ("schemas/",),
    "httpx": ("connectors/exchange.py", "streams/registry.py"),
    "schema_registry": ("streams/registry.py",),
    "stamina": ("connectors/exchange.py",),
    "aiolimiter": ("connectors/exchange.py",),
    "pymysql": ("connectors/corepos/sql.py",),
    "pyarrow": ("streams/export/",),
    "faust": ("streams/",),
    "mode": ("streams/",),
    "aiokafka": ("streams/",),
    "kafka": ("streams/",),
    "rocksdict": ("streams/",),
    "fastapi": ("streams/",),
    "starlette": ("streams/",),
    "typer": ("streams/",),
    "rich": ("streams/",),
    "prometheus_client": ("streams/",),
    "uvicorn": ("streams/",),
    "uvloop": ("streams/",),
}
MAY_IMPORT = {
    "schemas": {"schemas"},
    "connectors": {"connectors", "schemas"},
    "projections": {"projections", "schemas"},
    "streams": set(PACKAGES),
}


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_in_its_one_place_only(library: str) -> None:
    found = [
        module.at(node)
        for module in modules(*PACKAGES)
        for name, node in imports(module)
        if name == library and not module.path.startswith(ONLY_IN[library])
    ]
    assert_none(found)


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    found = [
        module.at(node)
        for module in modules(folder)
        for name, node in imports(module)
        if name in {*PACKAGES, "tests", "benchmarks"} - MAY_IMPORT[folder]
    ]
    assert_none(found)


def test_connectors_do_not_know_each_other() -> None:
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/__init__.py")}
    providers = folders - {"simulation"}
    found = [
        module.at(node)
        for module in modules("connectors")
        if (own := module.path.split("/")[1]) in providers
        for other in providers - {own}
        for _, node in imports(module)
        if f"connectors.{other}" in module.lines[node.lineno - 1]
    ]
    assert_none(found)


def test_the_contracts_of_import_linter_are_kept() -> None:
    run = subprocess.run(  # noqa: S603 - our own tool
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
