"""A delivery is believed only if Square signed exactly it."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Delivery, SigningKey
from connectors.square.connector import SquareConnector

URL = "https://pos.example/api/v1/pos/webhooks/square"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
KEY = SigningKey("signature-key")
BODY = '{"type":"payment.updated","note":"Brötchen"}'.encode()


def signed(body: bytes = BODY, url: str = URL, key: str = "signature-key") -> Delivery:
    made = b64encode(digest(key.encode(), url.encode() + body, sha256)).decode()
    return Delivery(headers={"x-square-hmacsha256-signature": made}, url=url, body=body)


def authentic(delivery: Delivery, *keys: SigningKey, now: datetime = NOW) -> bool:
    return SquareConnector().authentic(delivery, keys, now)


def test_a_signature_over_url_and_body_is_authentic() -> None:
    assert authentic(signed(), KEY)


def test_another_key_another_url_or_no_key_is_not() -> None:
    assert not authentic(signed(), SigningKey("other"))
    assert not authentic(Delivery(signed().headers, URL + "/", BODY), KEY)
    assert not authentic(signed())


@given(at=st.integers(0, len(BODY) - 1), to=st.integers(0, 255))
def test_one_changed_byte_is_not_authentic(at: int, to: int) -> None:
    body = BODY[:at] + bytes([to]) + BODY[at + 1 :]
    assert authentic(Delivery(signed().headers, URL, body), KEY) == (body == BODY)


def test_the_old_key_of_a_rotation_is_good_until_its_end_and_the_new_one_at_once() -> None:
    old = SigningKey("old", valid_until=NOW)
    new = SigningKey("new")
    assert authentic(signed(key="old"), new, old, now=NOW)
    assert authentic(signed(key="new"), old, new)
    assert not authentic(signed(key="old"), new, old, now=NOW + timedelta(seconds=1))


def test_an_empty_body_or_an_empty_key_is_never_authentic() -> None:
    assert not authentic(signed(b""), KEY)
    assert not authentic(signed(key=""), SigningKey(""))


@pytest.mark.parametrize("given", ["", "ü", "AAAA", "\ud800", "x" * 100_000])
def test_a_signature_of_any_shape_is_only_wrong(given: str) -> None:
    delivery = Delivery({"x-square-hmacsha256-signature": given}, URL, BODY)
    assert not authentic(delivery, KEY)


def test_a_missing_signature_is_not_authentic() -> None:
    assert not authentic(Delivery({}, URL, BODY), KEY)


def test_the_old_sha1_signature_is_not_looked_at() -> None:
    headers = {"x-square-signature": signed().headers["x-square-hmacsha256-signature"]}
    assert not authentic(Delivery(headers, URL, BODY), KEY)
