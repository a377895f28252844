"""
The libraries of the Java example, as its own pom.xml names them.

`python -m tests.services.jvm` fetches them (39 MB, Maven Central) into the cache folder.
"""

# ruff: noqa: S603 - the programs are those of the machine

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tests.services.kafka import CACHE, UnavailableError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "java"


def fetch_libraries() -> Path:
    """Return the folder of the jars, filled by Maven when it is not there yet."""
    pom = (EXAMPLE / "pom.xml").read_bytes()
    folder = CACHE / f"takings-{sha256(pom).hexdigest()[:12]}"
    if (folder / ".complete").exists():
        return folder
    if not (shutil.which("mvn") and shutil.which("javac")):
        raise UnavailableError("needs Maven and a JDK of Java 17 or later")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pom.xml").write_bytes(pom)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"Maven could not fetch the libraries: {done.stdout[-500:]}")
    (folder / ".complete").touch()
    return folder


def compiled(out: Path) -> list[str]:
    """Compile the example; return the command that runs it."""
    jars = fetch_libraries()
    source = str(EXAMPLE / "Takings.java")
    command = ["javac", "-d", str(out), "-cp", f"{jars}/*", source]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{out}:{jars}/*", "Takings"]


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{fetch_libraries()}\n")
    except UnavailableError as error:
        sys.exit(str(error))
