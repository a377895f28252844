"""The few pages that a merchant's browser sees: text only, and nothing that can be run."""

from __future__ import annotations

from html import escape

from starlette.responses import Response

_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head>
<body><h1>{title}</h1><p>{text}</p></body>
</html>
"""

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def page(status: int, title: str, text: str) -> Response:
    """Return a page; both texts are escaped."""
    body = _PAGE.format(title=escape(title), text=escape(text))
    return Response(body, status, headers=dict(_HEADERS), media_type="text/html")


def sent_to(url: str) -> Response:
    """Return that the browser is to go elsewhere; no page of there learns from where."""
    return Response(status_code=303, headers={**_HEADERS, "location": url})
