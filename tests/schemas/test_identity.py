"""Derived ids are the UUIDs of version 5 that anybody can compute."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import derived_id

NAMESPACE = UUID("6f1d5a2e-2f7b-5d0c-9a53-6c1f0f8d7b11")


@given(st.text(), st.lists(st.text(), max_size=3))
def test_a_derived_id_is_the_uuid_of_version_5_of_its_names(kind, names):
    expected = uuid5(NAMESPACE, "\x1f".join((kind, *names)))
    assert derived_id(kind, *names) == str(expected)
