"""
Sealing: what is personal or secret is encrypted with a key of its tenant before it is logged.

A tenant's data key is wrapped (encrypted) by a master key of the key ring. Every sealed value
carries its wrapped data key, so that whoever holds the ring can open it and nobody else can.
AES-256-GCM throughout; tenant and record are authenticated with it, so a sealed value that is
moved to another tenant or record does not open.

    sealed:   version 1 | length of the wrapped key (2 bytes) | wrapped key | nonce (12) | box
    wrapped:  version 1 | length of the master key's id (1 byte) | id | nonce (12) | box
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Callable
from hashlib import sha512
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_RANDOM = b"\x01"
_EQUAL = b"\x02"
_WRAPPED = b"\x01"
_KNOWN_KEYS_MAX = 4096
_ID_LENGTH_MAX = 32

Cipher = TypeVar("Cipher", AESGCM, AESSIV)


class SealBrokenError(ValueError):
    """Tampered with, cut short, or sealed for another tenant or record: do not believe it."""


class UnknownKeyError(Exception):
    """The key ring lacks the master key; the text names its id and what to set."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the key ring has no master key {key_id!r}: "
            f'add "{key_id}:<base64>" to the end of TILLSTREAM_KEYS and restart'
        )


class KeyRingError(ValueError):
    """The text of the key ring cannot be used; the message says which entry and why."""


def generate_master_key() -> str:
    """Return a new master key as `KeyRing.from_text` wants it after the id."""
    return b64encode(os.urandom(_KEY_BYTES)).decode()


class KeyRing:
    """Master keys by id; the first is current, the others only still open what they wrapped."""

    __slots__ = ("_keys", "current")

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise KeyRingError("the key ring is empty: set TILLSTREAM_KEYS")
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.current = next(iter(keys))

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """
        Read "id1:base64key,id2:base64key": 32 bytes each, the first is current.

        Raises:
            KeyRingError: names the entry by its place and id, never by its key.
        """
        keys: dict[str, bytes] = {}
        for place, entry in enumerate(text.split(","), start=1):
            key_id, colon, encoded = entry.strip().partition(":")
            if not colon or not _is_id(key_id):
                raise KeyRingError(f'entry {place} of the key ring is not "id:base64"')
            if key_id in keys:
                raise KeyRingError(f"the key ring has two keys {key_id!r}")
            keys[key_id] = _key(key_id, encoded)
        return cls(keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def wrap(self, data_key: bytes, tenant: str) -> bytes:
        """Encrypt a data key with the current master key, bound to the tenant."""
        nonce = os.urandom(_NONCE_BYTES)
        key_id = self.current.encode()
        box = self._keys[self.current].encrypt(nonce, data_key, _wrapping_of(tenant))
        return b"".join((_WRAPPED, len(key_id).to_bytes(), key_id, nonce, box))

    def unwrap(self, wrapped: bytes, tenant: str) -> bytes:
        """
        Return the data key.

        Raises:
            SealBrokenError: it was tampered with or belongs to another tenant.
            UnknownKeyError: the ring lacks its master key.
        """
        begin = 2 + int.from_bytes(wrapped[1:2])
        key_id = wrapped[2:begin].decode("ascii", "replace")
        whole = len(wrapped) == begin + _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
        if wrapped[:1] != _WRAPPED or not whole or not _is_id(key_id):
            raise SealBrokenError("not a wrapped data key")
        master = self._keys.get(key_id)
        if master is None:
            raise UnknownKeyError(key_id)
        nonce, box = wrapped[begin : begin + _NONCE_BYTES], wrapped[begin + _NONCE_BYTES :]
        try:
            return master.decrypt(nonce, box, _wrapping_of(tenant))
        except (InvalidTag, ValueError):
            raise SealBrokenError("a wrapped data key does not open") from None


class _DataKeys(Generic[Cipher]):
    """Ciphers of unwrapped data keys; unwrapping at every record would cost as much again."""

    __slots__ = ("_known", "_make", "_ring")

    def __init__(self, ring: KeyRing, make: Callable[[bytes], Cipher]) -> None:
        self._ring = ring
        self._make: Callable[[bytes], Cipher] = make
        self._known: dict[tuple[bytes, str], Cipher] = {}

    def get(self, wrapped: bytes, tenant: str) -> Cipher:
        known = self._known.get((wrapped, tenant))
        if known is None:
            if len(self._known) >= _KNOWN_KEYS_MAX:
                self._known.clear()
            known = self._make(self._ring.unwrap(wrapped, tenant))
            self._known[wrapped, tenant] = known
        return known


class Sealer:
    """Seals and opens values; one per process, safe to share between threads."""

    __slots__ = ("_equal", "_random", "_ring")

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._random = _DataKeys(ring, AESGCM)
        self._equal = _DataKeys(ring, _equal_cipher)

    def __repr__(self) -> str:
        return f"Sealer({self._ring!r})"

    def new_data_key(self, tenant: str) -> bytes:
        """Make a tenant's data key and return it wrapped, fit to be stored."""
        return self._ring.wrap(os.urandom(_KEY_BYTES), tenant)

    def rewrap(self, wrapped: bytes, tenant: str) -> bytes:
        """Return the same data key wrapped by the current master key."""
        return self._ring.wrap(self._ring.unwrap(wrapped, tenant), tenant)

    def seal(self, plain: bytes, wrapped_key: bytes, *, tenant: str, record: str) -> bytes:
        """
        Encrypt a value for one tenant and one record; every time another result.

        Raises:
            SealBrokenError: the wrapped key is not this tenant's.
            UnknownKeyError: the ring lacks the key that wrapped it.
        """
        cipher = self._random.get(wrapped_key, tenant)
        nonce = os.urandom(_NONCE_BYTES)
        box = cipher.encrypt(nonce, plain, _sealing_of(tenant, record))
        return b"".join((_RANDOM, len(wrapped_key).to_bytes(2), wrapped_key, nonce, box))

    def seal_equal(
        self, plain: bytes, wrapped_key: bytes, *, tenant: str, record: str
    ) -> bytes:
        """
        Encrypt so that equal values look equal, as far as tenant and `record` are the same.

        AES-SIV (RFC 5297): nothing but equality shows. A rewrapped data key gives another
        result, because the result carries it. Errors as for `seal`.
        """
        cipher = self._equal.get(wrapped_key, tenant)
        box = cipher.encrypt(plain, [_sealing_of(tenant, record)])
        return b"".join((_EQUAL, len(wrapped_key).to_bytes(2), wrapped_key, box))

    def open(self, sealed: bytes, *, tenant: str, record: str) -> bytes:
        """
        Decrypt what `seal` or `seal_equal` made for this tenant and record.

        Raises:
            SealBrokenError: it is not that, or no longer.
            UnknownKeyError: the ring lacks the master key; its id is in the text.
        """
        begin = 3 + int.from_bytes(sealed[1:3])
        wrapped, bound = sealed[3:begin], _sealing_of(tenant, record)
        try:
            if sealed[:1] == _RANDOM:
                middle = begin + _NONCE_BYTES
                cipher = self._random.get(wrapped, tenant)
                return cipher.decrypt(sealed[begin:middle], sealed[middle:], bound)
            if sealed[:1] == _EQUAL:
                return self._equal.get(wrapped, tenant).decrypt(sealed[begin:], [bound])
        except (InvalidTag, ValueError):
            raise SealBrokenError("a sealed value does not open") from None
        raise SealBrokenError("not a sealed value of a version that is known")


def wrapped_key_of(sealed: bytes) -> bytes:
    """Return the wrapped data key that a sealed value carries, to seal something beside it."""
    return sealed[3 : 3 + int.from_bytes(sealed[1:3])]


def _equal_cipher(data_key: bytes) -> AESSIV:
    """Make the cipher of `seal_equal` with a key of its own, derived from the data key."""
    return AESSIV(sha512(b"tillstream equal seal\x00" + data_key).digest())


def _is_id(text: str) -> bool:
    return (
        0 < len(text) <= _ID_LENGTH_MAX
        and text.isascii()
        and text.replace("-", "").replace("_", "").isalnum()
    )


def _key(key_id: str, encoded: str) -> bytes:
    try:
        key = b64decode(encoded, validate=True)
    except (NotBase64Error, ValueError):
        raise KeyRingError(f"master key {key_id!r} is not base64") from None
    if len(key) != _KEY_BYTES:
        raise KeyRingError(f"master key {key_id!r} has {len(key)} bytes instead of 32")
    return key


def _wrapping_of(tenant: str) -> bytes:
    return b"tillstream data key\x1f" + tenant.encode()


def _sealing_of(tenant: str, record: str) -> bytes:
    return f"{len(tenant)}\x1f{tenant}\x1f{record}".encode()
