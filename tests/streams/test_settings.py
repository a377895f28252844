import os
from datetime import UTC, datetime

import pytest

from streams.errors import SetupError
from streams.knobs import describe
from streams.settings import Settings, load


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("TILLSTREAM_"):
            monkeypatch.delenv(name)


def test_without_any_variable_the_documented_defaults_hold():
    settings = load()
    assert settings.port == 8013
    assert settings.lanes == 8
    assert settings.sync_interval_s == 15 * 60
    assert settings.sync_retries == 3
    assert settings.history_days == 90
    assert settings.auto_mapping
    assert settings.auto_mapping_threshold == 0.80
    assert settings.suggestion_threshold == 0.60
    assert settings.alert_on_unmapped
    assert settings.log.startswith("embedded://")


def test_a_variable_sets_its_knob_and_two_underscores_lead_into_square(monkeypatch):
    monkeypatch.setenv("TILLSTREAM_LANES", "16")
    monkeypatch.setenv("TILLSTREAM_SQUARE__NOTIFICATION_URL", "https://tills.example/hook")
    settings = load()
    assert settings.lanes == 16
    assert settings.square.notification_url == "https://tills.example/hook"


def test_what_the_program_gives_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("TILLSTREAM_LANES", "16")
    assert load(lanes=4).lanes == 4


def test_a_wrong_value_names_its_variable_and_what_to_do(monkeypatch):
    monkeypatch.setenv("TILLSTREAM_LANES", "none")
    monkeypatch.setenv("TILLSTREAM_PORT", "70000")
    with pytest.raises(SetupError) as complaint:
        load()
    assert "TILLSTREAM_LANES" in str(complaint.value)
    assert "TILLSTREAM_PORT" in str(complaint.value)
    assert "set it and restart" in str(complaint.value)


def test_a_complaint_never_repeats_the_value(monkeypatch):
    monkeypatch.setenv("TILLSTREAM_ADMIN_KEY", "tooshort-hush")
    monkeypatch.setenv("TILLSTREAM_SQUARE__PREVIOUS_VALID_UNTIL", "hush")
    with pytest.raises(SetupError) as complaint:
        load()
    assert "hush" not in str(complaint.value)


def test_a_secret_is_in_no_text_of_the_settings():
    settings = load(keys="k1:hushhushhush", square={"signature_key": "hushhush"})
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.model_dump())


def test_missing_master_keys_are_a_set_up_error_that_names_the_variable():
    with pytest.raises(SetupError, match="TILLSTREAM_KEYS"):
        load().master_keys()


def test_during_a_rotation_both_keys_sign_and_the_old_one_ends():
    until = datetime(2026, 3, 1, tzinfo=UTC)
    square = load(
        square={
            "signature_key": "new",
            "previous_signature_key": "old",
            "previous_valid_until": "2026-03-01T01:00:00+01:00",
        }
    ).square
    assert [(key.secret, key.valid_until) for key in square.signing_keys()] == [
        ("new", None),
        ("old", until),
    ]


def test_an_end_without_a_zone_is_refused():
    with pytest.raises(SetupError, match="UTC offset"):
        load(square={"previous_valid_until": "2026-03-01T00:00:00"})


def test_every_knob_is_described_once_and_by_its_variable():
    knobs = describe()
    variables = [knob.variable for knob in knobs]
    assert len(set(variables)) == len(variables)
    assert "TILLSTREAM_SQUARE__SIGNATURE_KEY" in variables
    assert all(knob.variable.startswith("TILLSTREAM_") for knob in knobs)
    assert all(len(knob.description) > 20 for knob in knobs)
    assert len(knobs) >= len(Settings.model_fields)
