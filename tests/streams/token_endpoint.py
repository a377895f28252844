"""A token endpoint (RFC 6749, 4.4) on the loopback; its tokens are JSON web tokens unsigned."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

CLIENT, SECRET = "till", "a secret with: signs"


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token that a broker of a test believes (RFC 7519, 6)."""
    parts = ({"alg": "none"}, claims)
    texts = [
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    ]
    return ".".join([*texts, ""])


class TokenEndpoint:
    """Gives tokens of `lifetime_s` to those who know the secret, 503 while it is `away`."""

    def __init__(self, lifetime_s: int = 3600) -> None:
        self.lifetime_s = lifetime_s
        self.away = False
        self.scopes: list[str] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                form = parse_qs(self.rfile.read(length).decode())
                status, body = endpoint.answer(self.headers.get("authorization", ""), form)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/oauth/token"

    def answer(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.away:
            return 503, b"{}"
        known = b64decode(authorization.removeprefix("Basic ")).decode()
        right = known == f"{CLIENT}:{SECRET.replace(':', '%3A').replace(' ', '+')}"
        if not right or form["grant_type"] != ["client_credentials"]:
            return 401, b'{"error": "invalid_client"}'
        self.scopes += form.get("scope", [""])
        now = int(time.time())
        token = unsigned({"sub": CLIENT, "iat": now - 1, "exp": now + self.lifetime_s})
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_s}
        return 200, json.dumps(answer).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
