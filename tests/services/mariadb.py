"""
A real MariaDB server for tests, of the machine's own package, on loopback only.

`apt-get install --no-install-recommends mariadb-server` brings it.
"""

# ruff: noqa: S603 - the programs are those of the machine

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services.kafka import free_ports

USER, PASSWORD = "tills", "only for tests"
START_S = 30.0
PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")


def missing() -> str | None:
    """Say which program is not installed; None when all are."""
    return next((name for name in PROGRAMS if _found(name) is None), None)


def _found(name: str) -> str | None:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


class MariaDb:
    """One server over a folder; root signs in by the socket, `USER` may only read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self._socket = folder / "s.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Make an empty server and start it; returns when it answers."""
        data = f"--datadir={self.folder / 'data'}"
        me = ("--no-defaults", "--user=root", data)
        install = str(_found("mariadb-install-db"))
        normal = "--auth-root-authentication-method=normal"
        subprocess.run(
            [install, *me, normal, "--skip-test-db"], check=True, capture_output=True
        )
        command = [
            str(_found("mariadbd")),
            *me,
            f"--socket={self._socket}",
            f"--pid-file={self.folder / 'm.pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--skip-innodb-doublewrite",
            "--aria-log-purge-type=at_flush",
            *options,
        ]
        log = (self.folder / "server.log").open("wb")
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        self._wait()
        self.run(
            f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT SELECT ON *.* TO {USER}@'127.0.0.1';"
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.run("SELECT 1")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def run(self, sql: str | bytes, charset: str = "utf8mb4") -> str:
        """Have root run statements, or a whole dump; returns what they print."""
        given = sql.encode() if isinstance(sql, str) else sql
        client = [str(_found("mariadb")), "--no-defaults", "-uroot", "-N"]
        client += [f"-S{self._socket}", f"--default-character-set={charset}"]
        done = subprocess.run(client, input=given, check=True, capture_output=True)
        return done.stdout.decode("utf-8", "replace")

    def dsn(self, options: str = "tls=off", user: str = USER, password: str = PASSWORD) -> str:
        """Return the line that an account has for its credentials."""
        secret = password.replace(" ", "%20")
        return f"mysql://{user}:{secret}@127.0.0.1:{self.port}/?{options}"

    def stop(self) -> None:
        """Kill it: nobody needs the data any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def certified(folder: Path) -> Sequence[str]:
    """Make an authority (ca.crt) and a certificate of 127.0.0.1; return server options."""

    def openssl(*arguments: str) -> None:
        program = str(shutil.which("openssl"))
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", *new[:3], "-subj", "/CN=db", "-keyout", "db.key", "-out", "db.csr")
    (folder / "db.ext").write_text("subjectAltName=IP:127.0.0.1")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    openssl("x509", "-req", "-in", "db.csr", *signed, "-extfile", "db.ext", "-out", "db.crt")
    return [f"--ssl-{name}={folder}/{file}" for name, file in _FILES.items()]


_FILES = {"ca": "ca.crt", "cert": "db.crt", "key": "db.key"}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[MariaDb]:
    """Yield a server that serves for as long as the block takes."""
    server = MariaDb(folder)
    try:
        server.start(*options)
        yield server
    finally:
        server.stop()
