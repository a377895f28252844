from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest

import pytest

from connectors.contract import Delivery, Rejected, Route, SigningKey
from tests.connectors.toast.bodies import RESTAURANT, TOAST, bytes_of, guid, webhook

NOW = datetime(2026, 5, 4, tzinfo=UTC)
KEY = SigningKey("toast-secret")
BODY = bytes_of(
    webhook("menus", "menus_updated", {"publishedDate": "2026-05-04T10:00:00.000Z"})
)


def signed(body: bytes = BODY, secret: str = KEY.secret, stamp: str | None = None) -> Delivery:
    timestamp = stamp or "2026-05-04T16:31:00.000Z"
    due = b64encode(digest(secret.encode(), body + timestamp.encode(), sha256)).decode()
    return Delivery({"toast-signature": due}, "https://example.test/hook", body)


def test_body_and_its_own_timestamp_are_signed_without_a_separator() -> None:
    assert TOAST.authentic(signed(), [KEY], NOW)


def test_one_changed_byte_is_not_authentic() -> None:
    good = signed()
    bad = Delivery(good.headers, good.url, BODY.replace(b"menus_updated", b"menus_updateD"))
    assert not TOAST.authentic(bad, [KEY], NOW)


def test_a_signature_over_another_timestamp_is_not_authentic() -> None:
    assert not TOAST.authentic(signed(stamp="2026-05-04T16:31:00.001Z"), [KEY], NOW)


def test_an_old_key_is_good_while_its_window_lasts() -> None:
    old = SigningKey("old", NOW + timedelta(hours=1))
    assert TOAST.authentic(signed(secret="old"), [KEY, old], NOW)
    assert not TOAST.authentic(signed(secret="old"), [KEY, old], NOW + timedelta(hours=2))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"timestamp": 5}', b"\xff", b"[" * 9999])
def test_what_has_no_timestamp_is_not_authentic(body: bytes) -> None:
    assert not TOAST.authentic(signed(body), [KEY], NOW)


def test_without_keys_or_header_nothing_is_authentic() -> None:
    assert not TOAST.authentic(signed(), [], NOW)
    assert not TOAST.authentic(signed(), [SigningKey("")], NOW)
    assert not TOAST.authentic(Delivery({}, "", BODY), [KEY], NOW)


def test_a_webhook_is_routed_by_its_restaurant_and_known_by_its_guid() -> None:
    assert TOAST.route(BODY) == Route(
        merchant=RESTAURANT,
        locations=(RESTAURANT,),
        delivery_id=guid("event"),
        resource="menus_updated",
    )


def test_a_webhook_without_a_restaurant_cannot_be_routed() -> None:
    body = bytes_of({"timestamp": "x", "eventType": "y", "details": {}})
    assert isinstance(TOAST.route(body), Rejected)
