from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.account import Account, AccountStatus
from schemas.events import ErrorType
from streams.metrics import Metrics

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def an_account(account_id="a1", tenant="bakery", status=AccountStatus.CONNECTED):
    return Account(
        account_id=account_id,
        tenant_id=tenant,
        provider="square",
        merchant="ML",
        location_id="L1",
        location_name="Bakery",
        timezone="Europe/Berlin",
        status=status,
        created_at=NOW,
        updated_at=NOW,
    )


def samples(metrics):
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def fed(**options):
    metrics = Metrics(**options)
    metrics.accounts([an_account("a1"), an_account("a2"), an_account("b1", "cafe")])
    metrics.transactions_changed(an_account(), 3)
    metrics.sync_ended("bakery", "square", "completed", 12.0)
    metrics.account_failed("bakery", "square", ErrorType.RATE_LIMITED)
    metrics.unmapped_products({("bakery", "a1"): 2, ("cafe", "b1"): 5})
    metrics.webhook("square", "accepted", 0.004)
    metrics.lag({"normalise": 7})
    metrics.stage_records({"normalise": 100})
    metrics.rejected("normalise", "unreadable")
    return metrics


def value(metrics, name, **labels):
    return samples(metrics)[name, frozenset(labels.items())]


def test_the_names_and_labels_are_those_that_dashboards_ask_for():
    metrics = fed()
    of = {"tenant_id": "bakery", "pos_provider": "square"}
    assert value(metrics, "pos_accounts_total", **of, status="connected") == 2
    assert value(metrics, "pos_accounts_total", **of, status="revoked") == 0
    assert value(metrics, "pos_transactions_synced_total", **of) == 3
    assert value(metrics, "pos_sync_errors_total", **of, error_type="rate_limited") == 1
    at = {"tenant_id": "cafe", "pos_account_id": "b1"}
    assert value(metrics, "pos_unmapped_products_total", **at) == 5
    assert value(metrics, "pos_webhooks_total", pos_provider="square", outcome="accepted") == 1
    assert value(metrics, "pos_lane_lag_records", stage="normalise") == 7
    assert value(metrics, "pos_stage_records_total", stage="normalise") == 100
    rejected = {"stage": "normalise", "error_type": "unreadable"}
    assert value(metrics, "pos_rejected_total", **rejected) == 1


def test_sync_durations_fall_into_the_buckets_of_the_dashboards():
    found = samples(fed())
    edges = {
        dict(labels)["le"]: count
        for (name, labels), count in found.items()
        if name == "pos_sync_duration_seconds_bucket"
    }
    assert list(edges) == ["5.0", "10.0", "30.0", "60.0", "120.0", "300.0", "+Inf"]
    assert [edges["10.0"], edges["30.0"]] == [0, 1]


def test_for_large_fleets_no_series_names_a_tenant_or_an_account():
    metrics = fed(tenant_labels=False)
    for _, labels in samples(metrics):
        assert not {"tenant_id", "pos_account_id"} & set(dict(labels))
    at = {"pos_provider": "square", "status": "connected"}
    assert value(metrics, "pos_accounts_total", **at) == 3
    assert value(metrics, "pos_unmapped_products_total") == 7


def test_what_is_gone_is_shown_no_more():
    metrics = fed()
    metrics.accounts([an_account("a1", status=AccountStatus.REVOKED)])
    metrics.unmapped_products({})
    found = samples(metrics)
    assert not any("cafe" in dict(labels).values() for _, labels in found)
    of = {"tenant_id": "bakery", "pos_provider": "square"}
    assert value(metrics, "pos_accounts_total", **of, status="connected") == 0
    assert value(metrics, "pos_accounts_total", **of, status="revoked") == 1


def test_totals_of_stages_only_grow():
    metrics = fed()
    for total in (150, 150, 40, 160):
        metrics.stage_records({"normalise": total})
    assert value(metrics, "pos_stage_records_total", stage="normalise") == 160


def test_two_processes_worth_of_metrics_share_nothing():
    fed()
    with pytest.raises(KeyError):
        value(Metrics(), "pos_webhooks_total", pos_provider="square", outcome="accepted")
