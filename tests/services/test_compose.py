"""The compose file and the image name only what exists, and hide what is secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from streams.cli.main import app
from streams.cli.topics import app as topics_app
from streams.kafka.options import parse
from streams.knobs import describe
from streams.settings import load
from tests.services.kafka import IMAGE

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.kafka.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DURATION = re.compile(r"\d+(ms|s|m|h)")
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
KNOWN = {
    *("build", "image", "hostname", "command", "ports", "environment", "volumes", "secrets"),
    *("depends_on", "healthcheck", "restart", "read_only", "tmpfs", "stop_grace_period"),
}

OURS = [name for name, it in SERVICES.items() if it["image"].startswith("tillstream:")]

each_service = pytest.mark.parametrize("name", SERVICES)
ours = pytest.mark.parametrize("name", OURS)


def environment(name: str) -> dict[str, str]:
    return SERVICES[name].get("environment", {})


@each_service
def test_every_key_is_one_that_compose_knows(name):
    assert set(SERVICES[name]) <= KNOWN


@each_service
def test_images_are_pinned_and_ports_are_for_this_machine_only(name):
    assert re.search(r":v?\d+\.\d+", SERVICES[name]["image"])
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_every_service_that_stays_says_how_its_health_is_seen(name):
    check = SERVICES[name]["healthcheck"]
    if SERVICES[name]["restart"] == "no":
        assert check == {"disable": True}
        return
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    for key in ("interval", "timeout", "start_period"):
        assert DURATION.fullmatch(check[key])


@each_service
def test_what_a_service_refers_to_is_declared(name):
    service = SERVICES[name]
    for other, how in service.get("depends_on", {}).items():
        assert other in SERVICES
        assert how["condition"] in CONDITIONS
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (ROOT / source).is_dir()
    for secret in service.get("secrets", []):
        assert secret in COMPOSE["secrets"]


@ours
def test_every_setting_exists_and_is_accepted(name, monkeypatch):
    known = {knob.variable for knob in describe()}
    given = environment(name)
    assert {key for key in given if key.startswith("TILLSTREAM_")} <= known
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    settings = load()
    brokers, options = parse(settings.log)
    assert brokers in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert options.static == 0 or options.worker


@ours
def test_every_command_exists(name):
    commands = {*get_command(app).commands, "topics"}
    first, *rest = SERVICES[name]["command"]
    assert first in commands
    if first == "topics":
        assert rest[0] in get_command(topics_app).commands


def test_secrets_are_files_that_stand_for_settings(monkeypatch, tmp_path):
    known = {knob.variable.lower() for knob in describe()}
    used = {secret for name in OURS for secret in SERVICES[name].get("secrets", [])}
    assert used <= known
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./.tillstream/")  # which git ignores
    (tmp_path / "tillstream_keys").write_text("k1:from-a-file\n")
    monkeypatch.delenv("TILLSTREAM_KEYS", raising=False)
    monkeypatch.setattr("streams.settings.SECRETS", tmp_path)
    assert load().master_keys() == "k1:from-a-file"
    shown = (ROOT / "docker-compose.kafka.yml").read_text()
    assert not re.search(r"(KEYS|ADMIN_KEY|PASSWORD): \S", shown)


def test_the_lanes_are_the_same_everywhere():
    lanes = {environment(name)["TILLSTREAM_LANES"] for name in OURS}
    assert len(lanes) == 1


def test_the_broker_is_the_one_that_tests_run_against():
    assert SERVICES["kafka"]["image"] == IMAGE


def test_the_image_does_not_run_as_root_and_holds_only_what_is_needed():
    assert re.search(r"^USER tillstream$", DOCKERFILE, re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in (ROOT / ".dockerignore").read_text().splitlines()
    variables = set(re.findall(r"TILLSTREAM_[A-Z_]+", DOCKERFILE))
    assert variables <= {knob.variable for knob in describe()}


def test_prometheus_asks_every_process_at_the_port_of_its_role():
    path = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    (job,) = yaml.safe_load(path.read_text())["scrape_configs"]
    asked = {target for part in job["static_configs"] for target in part["targets"]}
    ports = {"serve": load().port, "work": load().work_port}
    staying = [name for name in OURS if SERVICES[name]["command"][0] in ports]
    assert asked == {f"{it}:{ports[SERVICES[it]['command'][0]]}" for it in staying}
    assert len(staying) == 4
