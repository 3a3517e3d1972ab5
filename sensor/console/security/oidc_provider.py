"""Requests to an OpenID provider: its metadata (OpenID Connect Discovery 1.0), its keys, and tokens for a code (RFC
6749, 4.1.3; RFC 7636).
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import urllib3

from sensor.console_section import Oidc, is_safe
from sensor.core.output import Retry
from sensor.core.reader import clean
from sensor.core.secrecy import masked
from sensor.views.errors import NotReadable

# Timeout in seconds, size limit of a response in bytes, cache time of the metadata in seconds.
TIMEOUT_S, LIMIT, KEPT_S = 10.0, 1 << 20, 300.0
REASON_LIMIT = 200
WELL_KNOWN = "/.well-known/openid-configuration"
BASIC, POST = "client_secret_basic", "client_secret_post"
Answer = TypeVar("Answer", bound=msgspec.Struct)


class Denied(Exception):
    """A denied login. The text has the reason and is cleaned."""


class Metadata(msgspec.Struct, frozen=True):
    """Provider metadata that is used here; names and defaults as in the standard."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = (BASIC,)
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """``id_token``: identity of the user."""

    id_token: str
    access_token: str = ""


class KeySet(msgspec.Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]


class _Fault(msgspec.Struct, frozen=True):
    """The error response of a token request (RFC 6749, 5.2)."""

    error: str = ""
    error_description: str = ""


class Provider:
    """One provider. Thread-safe."""

    def __init__(self, options: Oidc) -> None:
        """Raises OSError or ssl.SSLError if the trusted certificates cannot be read."""
        self.options = options
        self._pool = urllib3.PoolManager(ssl_context=_trusting(options.ca))
        self._metadata: Metadata | None = None
        self._until = 0.0

    @property
    def host(self) -> str:
        """Name of the provider on pages."""
        return urlsplit(self.options.issuer).hostname or ""

    def metadata(self) -> Metadata:
        """Provider metadata. Raises NotReadable if it does not respond, or the issuer differs."""
        if self._metadata is None or time.monotonic() > self._until:
            url = self.options.issuer.rstrip("/") + WELL_KNOWN
            found = self._read(url, *self._send("GET", url), Metadata)
            if found.issuer != self.options.issuer:
                raise NotReadable(f"{self.host}: found issuer {clean(found.issuer)}, expected {self.options.issuer}")
            for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                self._check(endpoint)
            self._metadata, self._until = found, time.monotonic() + KEPT_S
        return self._metadata

    def keys(self) -> list[dict[str, Any]]:
        """The current keys; a provider rotates them. Raises NotReadable."""
        url = self.metadata().jwks_uri
        return self._read(url, *self._send("GET", url), KeySet).keys

    def tokens(self, code: str, verifier: str, redirect: str) -> Tokens:
        """Tokens for the code that a browser brought. Raises Denied, NotReadable."""
        there = self.metadata()
        fields = {
            "grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._authenticate(there, fields, headers)
        url = there.token_endpoint
        status, body = self._send("POST", url, headers, urlencode(fields))
        if 400 <= status < 500:
            raise Denied(f"{self.host} returned no token: {_reason(body) or status}")
        return self._read(url, status, body, Tokens)

    def _authenticate(self, there: Metadata, fields: dict[str, str], headers: dict[str, str]) -> None:
        """Client authentication (RFC 6749, 2.3.1). Raises NotReadable if the secret cannot be read."""
        name, place = self.options.client_id, self.options.client_secret
        ways = there.token_endpoint_auth_methods_supported
        if place is None:
            fields["client_id"] = name
            return
        try:
            secret = place.reveal()
        except Retry:  # its path must not appear on a page without login; the console reports it at start
            raise NotReadable("the secret of the console at its OpenID provider cannot be read") from None
        if BASIC in ways or POST not in ways:
            headers |= urllib3.make_headers(basic_auth=f"{quote_plus(name)}:{quote_plus(secret)}")
        else:
            fields |= {"client_id": name, "client_secret": secret}

    def _check(self, endpoint: str) -> None:
        """Check that an endpoint is safe, and of the same scheme as the issuer. Raises NotReadable."""
        if not is_safe(endpoint) or urlsplit(endpoint).scheme != urlsplit(self.options.issuer).scheme:
            raise NotReadable(
                f"{self.host}: found the endpoint {clean(endpoint)}, expected a URL with the scheme of the issuer's "
                "URL, without user name and fragment"
            )

    def _send(self, method: str, url: str, headers: dict[str, str] | None = None, body: str = "") -> tuple[int, bytes]:
        """Status and body. Raises NotReadable."""
        sent = {"Accept": "application/json"} | (headers or {})
        try:
            answer = self._pool.request(
                method, url, body=body or None, headers=sent, redirect=False, retries=False, preload_content=False,
                timeout=urllib3.Timeout(total=TIMEOUT_S),
            )  # fmt: skip
            try:
                found = answer.read(LIMIT + 1)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NotReadable(f"{self.host} does not answer: {_short_text(error)}") from None
        if len(found) > LIMIT:
            raise NotReadable(f"{self.host}: the answer has more than {LIMIT:,} bytes")
        return answer.status, found

    def _read(self, url: str, status: int, body: bytes, kind: type[Answer]) -> Answer:
        if status != 200:
            raise NotReadable(f"{self.host}: found status {status} at {urlsplit(url).path}, expected 200")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotReadable(f"{self.host}: {clean(urlsplit(url).path)}: {_short_text(error)}") from None


def _trusting(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def _reason(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=_Fault)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return _short_text(": ".join(part for part in (found.error, found.error_description) if part))


def _short_text(text: object) -> str:
    return clean(masked(str(text)), REASON_LIMIT)
