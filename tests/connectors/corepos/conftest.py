"""One MariaDB server for all tests of this folder that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.mariadb import MariaDb, missing, serving


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    if program := missing():
        pytest.skip(f"{program} is not installed (apt-get install mariadb-server)")
    with serving(tmp_path_factory.mktemp("mariadb")) as server:
        yield server
