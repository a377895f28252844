"""JSON answers straight from the structs of `schemas`, and their OpenAPI schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from streams.http.problems import MEDIA_TYPE

TITLE = "Tillstream"
DESCRIPTION = """\
Canonical transactions, sales, stock and unmapped revenue of points of sale.

* **Amounts** are whole numbers of the currency's minor units (1250 with EUR is 12.50 euros);
  the currency stands beside them. **Quantities** are decimal numbers as text.
* **Days** are business days of the location: its time zone and its cut-off hour.
* **Lists** come in pages: send `next_cursor` back as `cursor` with the same filters. Pages stay
  right while rows come and go.
* **A write is seen by the next read.** When the tables have not caught up within a few seconds,
  the answer is 202 with `"visible": false`: the write is durable and will be seen.
* **Errors** are `application/problem+json` (RFC 9457). What belongs to another tenant does not
  exist: 404.
"""

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_PROBLEM_ANSWER = {
    "description": "A problem (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_STRUCTS: dict[str, type[msgspec.Struct]] = {}


def json_answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response; decimals are text, times are RFC 3339."""
    return Response(
        msgspec.json.encode(value),
        status,
        headers=None if headers is None else dict(headers),
        media_type="application/json",
    )


def listed(items: Sequence[object], cursor: str | None, **more: object) -> Response:
    """Return one page of a list."""
    return json_answer({"items": items, "next_cursor": cursor, **more})


def one(cls: type[msgspec.Struct], status: int = 200, *also: int) -> dict[int | str, Any]:
    """Return the documentation of a route that answers one struct."""
    return {code: _documented(_reference(cls)) for code in (status, *also)}


def many(cls: type[msgspec.Struct]) -> dict[int | str, Any]:
    """Return the documentation of a route that answers pages of a struct."""
    schema = {
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": _reference(cls)},
            "next_cursor": {"type": ["string", "null"]},
        },
    }
    return {200: _documented(schema)}


def _reference(cls: type[msgspec.Struct]) -> dict[str, str]:
    _STRUCTS[cls.__name__] = cls
    return {"$ref": f"#/components/schemas/{cls.__name__}"}


def _documented(schema: Mapping[str, object]) -> dict[str, Any]:
    return {"description": "OK", "content": {"application/json": {"schema": schema}}}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=TITLE, version=app.version, description=DESCRIPTION, routes=app.routes
    )
    _, components = msgspec.json.schema_components(
        list(_STRUCTS.values()), ref_template="#/components/schemas/{name}"
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for dead in ("HTTPValidationError", "ValidationError"):
        schemas.pop(dead, None)
    schemas.update(components)
    schemas["Problem"] = _PROBLEM
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _PROBLEM_ANSWER
    return document
