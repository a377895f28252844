"""Signing in to brokers: passwords, tokens, certificates; what a refused worker is told."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import ConnectorError
from schemas.sealing import generate_master_key
from streams.errors import SetupError
from streams.kafka.clients import Clients
from streams.kafka.log import KafkaLog
from streams.kafka.oauth import ClientCredentials, Tokens
from streams.kafka.options import parse
from streams.kafka.security import Security
from streams.log import Effects, Out, StageSpec, Table, Topic
from streams.settings import KafkaSettings, load
from streams.worker import Worker
from tests.services.kafka import Cluster, UnavailableError, free_ports
from tests.streams.shop import Deaths, everything
from tests.streams.token_endpoint import CLIENT, SECRET, TokenEndpoint

USER, PASSWORD = "till", "a-long-password"
SPEC = StageSpec("s", ("raw",), ("raw",), (Table("t", "rows"),))


class Guarded:
    """Certificates, and a broker that wants them or a password."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password_port, self.certificate_port = free_ports(2)
        self._authority()
        self._certificate("broker", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._certificate("worker", "extendedKeyUsage=clientAuth")
        both = [f"{folder}/{name}" for name in ("broker.key8", "broker.crt", "ca.crt")]
        (folder / "broker.pem").write_text("".join(Path(path).read_text() for path in both))
        self.cluster = Cluster(folder, extra=self._properties)
        self.cluster.start("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]")

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(  # noqa: S603
            ["openssl", *arguments],  # noqa: S607 - the machine's own
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def _authority(self) -> None:
        subject = ("-subj", "/CN=test authority", "-days", "2")
        files = ("-keyout", "ca.key", "-out", "ca.crt")
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *subject)

    def _certificate(self, name: str, extension: str) -> None:
        files = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", *files)
        (self.folder / f"{name}.ext").write_text(extension)
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        out = ("-out", f"{name}.crt", "-extfile", f"{name}.ext")
        self._openssl("x509", "-req", "-in", f"{name}.csr", *signed, *out)
        form = ("pkcs8", "-topk8", "-nocrypt")
        self._openssl(*form, "-in", f"{name}.key", "-out", f"{name}.key8")

    def _properties(self, port: int, controller: int) -> str:
        outside = (
            f"PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{self.password_port},"
            f"SSL://127.0.0.1:{self.certificate_port}"
        )
        protocols = ",".join(f"{p}:{p}" for p in ("PLAINTEXT", "SASL_SSL", "SSL"))
        return f"""
listeners={outside},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={outside}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocols}
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
unsecuredLoginStringClaim_sub="broker";
listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms=3600000
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={self.folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={self.folder}/ca.crt
listener.name.ssl.ssl.client.auth=required
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    try:
        broker = Guarded(tmp_path_factory.mktemp("guarded"))
    except UnavailableError as error:
        pytest.skip(f"no broker of our own: {error}")
    yield broker
    broker.cluster.stop()


async def works(port: int, security: Security, folder: Path) -> bool:
    """Create topics, append, commit and read: all kinds of clients sign in."""
    clients = Clients(*parse(f"kafka://127.0.0.1:{port}?buffers_mb=16"), security)
    log = KafkaLog(clients, f"app-{port}", folder)
    await log.start()
    try:
        await log.create([Topic("raw", 1), Topic("rows", 1, compact=True)])
        await log.append("raw", [Out(b"k", b"v")], partition=0)
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects({"raw": [Out(b"k", b"w")]}, {"t": {b"k": b"r"}}), {"raw": 1})
        return [r.value for r in await everything(log, "raw", 1)][-2:] == [b"v", b"w"]
    finally:
        await log.stop()


@pytest.mark.kafka
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_a_worker_signs_in_by_password_over_tls(guarded, tmp_path, mechanism):
    security = Security(
        tls=True,
        ca_file=guarded.file("ca.crt"),
        mechanism=mechanism,
        username=USER,
        password=PASSWORD,
    )
    assert await works(guarded.password_port, security, tmp_path)


@pytest.mark.kafka
async def test_a_worker_signs_in_by_certificate(guarded, tmp_path):
    security = Security(
        tls=True,
        ca_file=guarded.file("ca.crt"),
        cert_file=guarded.file("worker.crt"),
        key_file=guarded.file("worker.key"),
    )
    assert await works(guarded.certificate_port, security, tmp_path)


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    made = TokenEndpoint()
    yield made
    made.close()


def by_token(endpoint: TokenEndpoint, secret: str = SECRET, **given: Any) -> Security:
    credentials = ClientCredentials(
        token_url=endpoint.url, client_id=CLIENT, secret=secret, scope="tills"
    )
    return Security(mechanism="OAUTHBEARER", tokens=Tokens(credentials), **given)


@pytest.mark.kafka
async def test_a_worker_signs_in_by_one_token_for_all_its_clients(guarded, tmp_path, endpoint):
    security = by_token(endpoint, tls=True, ca_file=guarded.file("ca.crt"))
    assert await works(guarded.password_port, security, tmp_path)
    assert endpoint.scopes == ["tills"]


@pytest.mark.kafka
@pytest.mark.slow
async def test_tokens_that_end_meanwhile_are_replaced_and_nobody_notices(
    guarded, tmp_path, endpoint
):
    endpoint.lifetime_s = 2
    security = by_token(endpoint, tls=True, ca_file=guarded.file("ca.crt"))
    url = f"kafka://127.0.0.1:{guarded.password_port}?buffers_mb=16"
    log = KafkaLog(Clients(*parse(url), security), "app-short", tmp_path)
    await log.start()
    try:
        await log.create([Topic("short", 1)])
        deadline = time.monotonic() + 7
        sent = 0
        while time.monotonic() < deadline:
            await log.append("short", [Out(b"k", b"%d" % sent)], partition=0)
            sent += 1
            await asyncio.sleep(0.1)
        found = [record.value for record in await everything(log, "short", 1)]
        assert found == [b"%d" % number for number in range(sent)]
    finally:
        await log.stop()
    assert len(endpoint.scopes) > 3


async def test_without_a_token_the_worker_is_told_where_to_look_and_no_secret(
    endpoint, tmp_path
):
    security = by_token(endpoint, secret="wrong-secret")
    with pytest.raises(SetupError, match="CLIENT_SECRET") as raised:
        await works(1, security, tmp_path)
    assert "wrong-secret" not in str(raised.value) + repr(security)


def test_a_token_that_is_still_good_is_kept_while_the_endpoint_is_away(endpoint):
    endpoint.lifetime_s = 100
    clock = [datetime(2026, 3, 1, tzinfo=UTC)]
    credentials = ClientCredentials(token_url=endpoint.url, client_id=CLIENT, secret=SECRET)
    tokens = Tokens(credentials, lambda: clock[0])
    first = tokens.current()
    endpoint.away = True
    clock[0] += timedelta(seconds=60)
    assert tokens.current() == first
    clock[0] += timedelta(seconds=60)
    with pytest.raises(ConnectorError, match="503"):
        tokens.current()


def test_a_secret_is_not_sent_over_a_line_that_others_can_read():
    with pytest.raises(SetupError, match="https"):
        ClientCredentials(token_url="http://login.example/token", client_id="i", secret="s")


@pytest.mark.kafka
async def test_the_whole_worker_signs_in(guarded, tmp_path, endpoint):
    kafka = KafkaSettings(
        tls=True,
        ca_file=guarded.file("ca.crt"),
        mechanism="OAUTHBEARER",
        token_url=endpoint.url,
        client_id=CLIENT,
        client_secret=SECRET,
    )
    url = f"kafka://127.0.0.1:{guarded.password_port}?buffers_mb=16&session_s=4"
    keys = f"k1:{generate_master_key()}"
    settings = load(log=url, lanes=1, data_dir=tmp_path, keys=keys, kafka=kafka)
    worker = Worker(settings, fatal=Deaths(), polling=False)
    await worker.start(serve=False)
    try:
        await worker.directory.create_tenant("bakers", "Bakers")
    finally:
        await worker.stop()


@pytest.mark.kafka
@pytest.mark.parametrize("wrong", ["password", "certificate", "authority"])
async def test_who_is_refused_is_told_what_to_look_at_and_no_secret(guarded, tmp_path, wrong):
    port, security = guarded.password_port, Security(tls=True, ca_file=guarded.file("ca.crt"))
    if wrong == "password":
        given = {"mechanism": "SCRAM-SHA-512", "username": USER, "password": "wrong-secret"}
        security = Security(tls=True, ca_file=guarded.file("ca.crt"), **given)
    elif wrong == "certificate":
        port = guarded.certificate_port
    else:
        security = Security(tls=True)
    with pytest.raises(SetupError, match="check TILLSTREAM_LOG and TILLSTREAM_KAFKA") as raised:
        await works(port, security, tmp_path)
    assert "wrong-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mechanism": "GSSAPI"}, "must be one of"),
        ({"mechanism": "PLAIN", "username": "u"}, "needs a user name and a password"),
        ({"mechanism": "OAUTHBEARER"}, "needs TILLSTREAM_KAFKA__TOKEN_URL"),
        ({"cert_file": "a.crt"}, "a certificate needs its key"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given, says):
    with pytest.raises(SetupError, match=says):
        Security(**given)


def test_a_certificate_that_is_not_there_is_a_matter_of_set_up(tmp_path):
    security = Security(tls=True, ca_file=str(tmp_path / "none.crt"))
    with pytest.raises(SetupError, match="a certificate cannot be read"):
        security.settings()


def test_the_password_comes_from_a_variable_or_from_a_file_and_is_never_shown(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TILLSTREAM_KAFKA__MECHANISM", "PLAIN")
    monkeypatch.setenv("TILLSTREAM_KAFKA__USERNAME", "u")
    monkeypatch.setenv("TILLSTREAM_KAFKA__PASSWORD", "by-variable")
    assert load().kafka.security().password == "by-variable"
    (tmp_path / "secret").write_text("by-file\n")
    monkeypatch.setenv("TILLSTREAM_KAFKA__PASSWORD_FILE", str(tmp_path / "secret"))
    settings = load()
    assert settings.kafka.security().password == "by-file"
    assert "by-" not in repr(settings) + repr(settings.kafka.security())
    with pytest.raises(SetupError, match="PASSWORD_FILE"):
        KafkaSettings(password_file=tmp_path / "none").security()
    with pytest.raises(SetupError, match="CLIENT_SECRET_FILE"):
        KafkaSettings(client_secret_file=tmp_path / "none").security()
