"""
A real schema registry for tests: Apicurio, which speaks Confluent's API.

`python -m tests.services.registry` fetches it (109 MB, Maven Central) into the cache folder.
"""

# ruff: noqa: S603 - the programs are ours or those of the machine

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.kafka import CACHE, JAVA, UnavailableError, free_ports

VERSION = "3.0.9"
ARTEFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
FOLDER = CACHE / f"apicurio-{VERSION}"
JAR = f"apicurio-registry-app-{VERSION}-runner.jar"
START_S = 60.0


def fetch() -> Path:
    """Return the folder of the registry, filled by Maven when it is not there yet."""
    if (FOLDER / ".complete").exists():
        return FOLDER
    if not (shutil.which("mvn") and shutil.which("java")):
        raise UnavailableError("needs Maven and Java 17")
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [
        *("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTEFACT}"),
        f"-DoutputDirectory={FOLDER}",
    ]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"Maven could not fetch Apicurio: {done.stdout[-500:]}")
    for packed in FOLDER.glob("*.tar.gz"):
        with tarfile.open(packed) as archive:
            archive.extractall(FOLDER, filter="data")
        packed.unlink()
    (FOLDER / ".complete").touch()
    return FOLDER


class SchemaRegistry:
    """One registry over a folder; can be killed and started again on its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self) -> None:
        """Start it; returns when it answers."""
        home = fetch()
        settings = (
            f"-Dquarkus.http.port={self.port}",
            "-Dquarkus.http.host=127.0.0.1",
            "-Dapicurio.datasource.url=jdbc:h2:file:" + str(self._folder / "registry"),
        )
        command = [*JAVA[:4], *settings, "-jar", str(next(home.rglob(JAR)))]
        with (self._folder / "registry.log").open("ab") as out:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=out, stderr=out)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self._folder / "registry.log").read_text()
                raise UnavailableError(f"Apicurio did not start: {log[-2000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2):  # noqa: S310
                return True
        except (OSError, urllib.error.URLError):
            return False

    def occupy(self, count: int) -> None:
        """Register schemas of somebody else, so that no id is the one of our own table."""
        for number in range(count):
            schema = {"type": "record", "name": f"Other{number}", "fields": []}
            request = urllib.request.Request(  # noqa: S310 - our own process
                f"{self.url}/subjects/other-{number}/versions",
                data=json.dumps({"schema": json.dumps(schema)}).encode(),
                headers={"content-type": "application/vnd.schemaregistry.v1+json"},
            )
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def kill(self) -> None:
        """End the process without a chance to tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None


@contextmanager
def serving(folder: Path) -> Iterator[SchemaRegistry]:
    """
    Have a registry for as long as the block takes.

    Raises:
        UnavailableError: there is none.
    """
    registry = SchemaRegistry(folder)
    registry.start()
    try:
        yield registry
    finally:
        registry.kill()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{fetch()}\n")
    except UnavailableError as error:
        sys.exit(str(error))
