"""What is asked so that Square sends its webhooks to us."""

from __future__ import annotations

import msgspec

from connectors.contract import Page, Request
from connectors.square.events import EVENTS
from connectors.square.subscriptions import Subscription, ensure, listed

HERE = "https://tills.example/hook"
RIGHT = Subscription(id="w1", enabled=True, event_types=EVENTS, notification_url=HERE)


def asked(known: list[Subscription]) -> Request:
    talk = ensure(known, HERE, "key-1")
    assert talk is not None
    request = next(talk)
    assert isinstance(request, Request)
    return request


def test_what_is_right_already_is_left_alone() -> None:
    more = msgspec.structs.replace(RIGHT, event_types=(*EVENTS, "dispute.created"))
    assert ensure([RIGHT], HERE, "key-1") is None
    assert ensure([more], HERE, "key-1") is None


def test_one_that_is_off_or_lacks_events_is_put_right_and_keeps_what_it_has() -> None:
    off = msgspec.structs.replace(RIGHT, enabled=False)
    poor = msgspec.structs.replace(RIGHT, event_types=("payment.created", "dispute.created"))
    for known in (off, poor):
        request = asked([known])
        assert (request.method, request.path) == ("PUT", "/v2/webhooks/subscriptions/w1")
        said = msgspec.json.decode(request.body or b"")["subscription"]
        assert said["enabled"] is True
        assert {*EVENTS, *known.event_types} == set(said["event_types"])


def test_a_new_one_is_made_with_a_key_that_makes_it_once() -> None:
    elsewhere = msgspec.structs.replace(RIGHT, notification_url="https://other.example/hook")
    request = asked([elsewhere])
    assert request.method == "POST"
    said = msgspec.json.decode(request.body or b"")
    assert said["idempotency_key"] == "key-1"
    assert said["subscription"]["notification_url"] == HERE


def test_a_signature_key_is_in_no_text_of_a_subscription() -> None:
    body = b'{"subscriptions":[{"id":"w1","signature_key":"hush"}]}'
    (one,) = listed([Page(resource="subscriptions", bodies=(body,))])
    assert one.signature_key == "hush"
    assert "hush" not in repr(one)
