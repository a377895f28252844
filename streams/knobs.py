"""The settings as a table: what `docs/settings.md` says."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streams.settings import PREFIX, Settings


class Knob(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table of settings; a secret's default is never a value."""

    variable: str
    default: str
    description: str


def describe() -> list[Knob]:
    """Return all settings in the order in which they are declared."""
    return list(_knobs(Settings.model_fields, PREFIX))


def _knobs(fields: dict[str, FieldInfo], prefix: str) -> Iterator[Knob]:
    for name, field in fields.items():
        variable = f"{prefix}{name.upper()}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _knobs(kind.model_fields, f"{variable}__")
            continue
        default = field.get_default()
        yield Knob(
            variable=variable,
            default="none" if default is None else str(default),
            description=field.description or "",
        )
