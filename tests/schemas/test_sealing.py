"""A sealed value opens for its tenant and its record, unharmed, with the right key: or not."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sealing import (
    KeyRing,
    KeyRingError,
    SealBrokenError,
    Sealer,
    UnknownKeyError,
    generate_master_key,
)

OLD, NEW = generate_master_key(), generate_master_key()
SEALER = Sealer(KeyRing.from_text(f"k1:{OLD}"))
Seal = Callable[..., bytes]
KEY = SEALER.new_data_key("bakery")
OTHER_KEY = SEALER.new_data_key("butcher")
WAYS = [SEALER.seal, SEALER.seal_equal]
both_ways = pytest.mark.parametrize("seal", WAYS, ids=["seal", "seal_equal"])


@both_ways
@given(plain=st.binary(max_size=3000), record=st.text(max_size=40))
def test_what_was_sealed_opens(seal: Seal, plain: bytes, record: str) -> None:
    sealed = seal(plain, KEY, tenant="bakery", record=record)
    assert SEALER.open(sealed, tenant="bakery", record=record) == plain
    assert (
        Sealer(KeyRing.from_text(f"k1:{OLD}")).open(sealed, tenant="bakery", record=record)
        == plain
    )


@both_ways
def test_any_flipped_bit_is_refused(seal: Seal) -> None:
    sealed = seal(b"4111 1111", KEY, tenant="bakery", record="r")
    for place in range(len(sealed) * 8):
        damaged = bytearray(sealed)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises((SealBrokenError, UnknownKeyError)):
            SEALER.open(bytes(damaged), tenant="bakery", record="r")


@both_ways
def test_any_missing_end_is_refused(seal: Seal) -> None:
    sealed = seal(b"4111 1111", KEY, tenant="bakery", record="r")
    for length in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            SEALER.open(sealed[:length], tenant="bakery", record="r")


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises((SealBrokenError, UnknownKeyError)):
        SEALER.open(noise, tenant="bakery", record="r")


@both_ways
@pytest.mark.parametrize(
    ("tenant", "record"), [("butcher", "r"), ("bakery", "s"), ("baker", "yr")]
)
def test_another_tenant_or_record_is_refused(seal: Seal, tenant: str, record: str) -> None:
    sealed = seal(b"4111 1111", KEY, tenant="bakery", record="r")
    with pytest.raises(SealBrokenError):
        SEALER.open(sealed, tenant=tenant, record=record)


@both_ways
def test_a_tenant_cannot_seal_with_the_data_key_of_another(seal: Seal) -> None:
    with pytest.raises(SealBrokenError):
        seal(b"x", OTHER_KEY, tenant="bakery", record="r")


def test_sealing_twice_shows_nothing() -> None:
    one, other = (SEALER.seal(b"x", KEY, tenant="bakery", record="r") for _ in range(2))
    assert one != other


def test_equal_values_look_equal_only_within_tenant_and_record() -> None:
    def seal(plain: bytes, record: str = "customer") -> bytes:
        return SEALER.seal_equal(plain, KEY, tenant="bakery", record=record)

    assert seal(b"C1") == seal(b"C1")
    assert seal(b"C1") != seal(b"C2")
    assert seal(b"C1") != seal(b"C1", record="loyalty")
    assert seal(b"C1") != SEALER.seal_equal(
        b"C1", OTHER_KEY, tenant="butcher", record="customer"
    )


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    sealed = SEALER.seal(b"x", KEY, tenant="bakery", record="r")
    rotated = Sealer(KeyRing.from_text(f"k2:{NEW},k1:{OLD}"))
    assert rotated.open(sealed, tenant="bakery", record="r") == b"x"
    new_key = rotated.rewrap(KEY, "bakery")
    only_new = Sealer(KeyRing.from_text(f"k2:{NEW}"))
    again = rotated.seal(b"y", new_key, tenant="bakery", record="r")
    assert only_new.open(again, tenant="bakery", record="r") == b"y"


def test_a_missing_master_key_is_named_with_what_to_set() -> None:
    sealed = SEALER.seal(b"x", KEY, tenant="bakery", record="r")
    with pytest.raises(UnknownKeyError, match=r"'k1'.*TILLSTREAM_KEYS"):
        Sealer(KeyRing.from_text(f"k2:{NEW}")).open(sealed, tenant="bakery", record="r")


def test_a_master_key_of_the_same_id_but_other_bytes_opens_nothing() -> None:
    sealed = SEALER.seal(b"x", KEY, tenant="bakery", record="r")
    with pytest.raises(SealBrokenError):
        Sealer(KeyRing.from_text(f"k1:{NEW}")).open(sealed, tenant="bakery", record="r")


def test_the_same_data_key_is_never_wrapped_to_the_same_bytes() -> None:
    assert SEALER.rewrap(KEY, "bakery") != KEY
    assert SEALER.new_data_key("bakery") != SEALER.new_data_key("bakery")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "entry 1"),
        (OLD, "entry 1"),
        (f"k1:{OLD},{NEW}", "entry 2"),
        (f"a b:{OLD}", "entry 1"),
        (f":{OLD}", "entry 1"),
        (f"k1:{OLD},k1:{NEW}", "two keys 'k1'"),
        ("k1:not base64!", "'k1' is not base64"),
        (f"k1:{b64encode(b'short').decode()}", "'k1' has 5 bytes instead of 32"),
    ],
)
def test_a_key_ring_that_cannot_be_used_says_which_entry_and_why(text: str, why: str) -> None:
    with pytest.raises(KeyRingError, match=why) as caught:
        KeyRing.from_text(text)
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)


def test_no_key_shows_in_a_repr_or_an_error() -> None:
    ring = KeyRing.from_text(f"k1:{OLD}")
    for shown in (repr(ring), str(ring), repr(SEALER), str(UnknownKeyError("k1"))):
        assert OLD not in shown
        assert repr(b64decode(OLD)) not in shown
    assert repr(ring) == "KeyRing(k1)"


def test_known_data_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.sealing._KNOWN_KEYS_MAX", 3)
    sealer = Sealer(KeyRing.from_text(f"k1:{OLD}"))
    for number in range(10):
        tenant = f"tenant {number}"
        key = sealer.new_data_key(tenant)
        sealed = sealer.seal(b"x", key, tenant=tenant, record="r")
        assert sealer.open(sealed, tenant=tenant, record="r") == b"x"
        assert len(sealer._random._known) <= 3
