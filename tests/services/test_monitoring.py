"""Alert rules and the dashboard speak of metrics that exist, and fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from streams.metrics import Metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
RULES: dict[str, Any] = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards/tillstream.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
NAME = re.compile(r"\bpos_[a-z_]+\b")
LABELS = {"pos_provider", "pos_account_id"}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed"
)


def names_of(metric: Metric) -> set[str]:
    ours = metric.name
    match metric.type:
        case "counter":
            return {f"{ours}_total"}
        case "histogram":
            return {f"{ours}_bucket", f"{ours}_count", f"{ours}_sum"}
        case _:
            return {ours}


def known_names() -> set[str]:
    return set().union(*(names_of(metric) for metric in Metrics().registry.collect()))


def expressions() -> list[tuple[str, str]]:
    alerts = [(name, rule["expr"]) for name, rule in ALERTS.items()]
    panels = [(it["title"], target["expr"]) for it in PANELS for target in it["targets"]]
    return alerts + panels


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=lambda it: it[:40])
def test_every_metric_that_is_asked_for_exists(where: str, expression: str) -> None:
    assert set(NAME.findall(expression)) - LABELS <= known_names(), where


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_urgent_it_is_and_what_to_do(name: str) -> None:
    assert ALERTS[name]["labels"]["severity"] in {"page", "ticket", "info"}
    assert ALERTS[name]["annotations"]["summary"]
    assert f"| {name} |" in (ROOT / "docs" / "operating.md").read_text()


def test_the_dashboard_is_found_and_its_panels_do_not_overlap() -> None:
    provisioned = yaml.safe_load(
        (GRAFANA / "provisioning/datasources/prometheus.yml").read_text()
    )
    (source,) = provisioned["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {source["uid"]}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [["check", "config", "prometheus.yml"], ["test", "rules", "rules.test.yml"]],
    ids=" ".join,
)
def test_the_rules_hold_in_prometheus_itself(arguments: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own arguments
        ["promtool", *arguments],  # noqa: S607 - wherever the machine has it
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_metrics_are_in_the_form_that_prometheus_reads() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607
        input=Metrics().exposition(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    # two gauges end in _total because users' dashboards know them by that name
    complaints = [
        it for it in done.stderr.decode().splitlines() if '_total" suffix' not in it and it
    ]
    assert complaints == []
