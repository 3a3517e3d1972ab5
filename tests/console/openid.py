"""An OpenID provider over TLS: discovery, authorization, tokens for codes with PKCE, keys. A test changes the contents
of its tokens and their signature.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.outputs.authority import Authority

CLIENT, SECRET = "sensor console", "a:secret/with+signs"
CONFIG = """\
console:
  oidc:
    issuer: {issuer}
    client_id: {client}
    client_secret: file:{secret}
    ca: {ca}
    roles: {{admins: administrator, soc: analyst, staff: viewer}}
"""
Claims = dict[str, Any]


class Provider:
    """``claims``: of the user, in each token; ``change``: a test's function that changes them; ``sign``: makes the
    token; ``issuer``: as reported; ``asked``: fields of the last token request.
    """

    def __init__(self, folder: Path) -> None:
        self._authority, self._codes = Authority(folder), {}  # type: ignore[var-annotated]
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = self._authority.issue("provider").context()
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        self.issuer, self.ca = self.url, self._authority.ca
        self.claims: Claims = {"sub": "u-17", "preferred_username": "anna", "groups": ["staff", "soc"]}
        self.change: Callable[[Claims], None] = lambda _: None
        self.sign: Callable[[Claims], str] = self.signed
        self.requested: dict[str, str] = {}
        self.rotate()
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def rotate(self) -> None:
        """Replaces the present key."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"}, private=True)

    def signed(self, claims: Claims) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def config(self, folder: Path) -> Path:
        """The configuration of a console that trusts this provider."""
        secret, path = folder / "oidc.secret", folder / "sensor.yaml"
        secret.write_text(f"{SECRET}\n")
        path.write_text(CONFIG.format(issuer=self.url, client=CLIENT, secret=secret, ca=self.ca))
        return path

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def metadata(self) -> Claims:
        there = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        return {"issuer": self.issuer, **there, "id_token_signing_alg_values_supported": ["RS256"]}

    def authorize(self, given: dict[str, str]) -> str:
        """The redirect target of the user's browser after consent."""
        assert (given["response_type"], given["code_challenge_method"]) == ("code", "S256")
        assert given["client_id"] == CLIENT
        code = secrets.token_hex(8)
        self._codes[code] = given
        return f"{given['redirect_uri']}?{urlencode({'code': code, 'state': given['state'], 'iss': self.url})}"

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """A code is used once, by the client that requested it, with the verifier of its challenge (RFC 7636, 4.6)."""
        self.requested = given
        known = base64.b64encode(f"{CLIENT.replace(' ', '+')}:a%3Asecret%2Fwith%2Bsigns".encode()).decode()
        begun = self._codes.pop(given.get("code"), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if authorization != f"Basic {known}":
            return 401, {"error": "invalid_client"}
        if (
            begun is None
            or begun["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            or begun["redirect_uri"] != given["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant", "error_description": "<b>no such code</b>"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": begun["nonce"], **self.claims}
        self.change(claims)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.sign(claims)}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, given = urlsplit(self.path).path, _fields(urlsplit(self.path).query)
            if path == "/authorization_endpoint":
                self.send_response(303)
                self.send_header("Location", provider.authorize(given))
                self.end_headers()
            elif path == "/jwks_uri":
                strange = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}
                self._answer(200, {"keys": [strange, provider.key.as_dict(private=False)]})
            elif path == "/.well-known/openid-configuration":
                self._answer(200, provider.metadata())
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(*provider.token(_fields(body), self.headers.get("Authorization", "")))

        def _answer(self, status: int, value: Claims) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Logs nothing."""

    return Handler


def _fields(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
