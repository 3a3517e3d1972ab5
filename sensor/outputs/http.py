"""HTTP: batches by POST, as lines (NDJSON) or as one JSON array; any 2xx means that the destination has the batch.

Each request carries ``Idempotency-Key``, the same for every attempt at a batch, so that a receiver can drop duplicates
(or it drops them by the ``id`` of each record). With ``sign`` requests are signed as Standard Webhooks
(standardwebhooks.com) define it: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` = ``v1,`` and the
base64 of HMAC-SHA256 over ``id.timestamp.body``, where the body is as sent, compressed, so that a receiver verifies it
before it decompresses. Redirects are not followed, cookies are not stored, the body of a success is not read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from sensor.core.output import Ack, Entry, Finding
from sensor.outputs.transport.http_client import JSON_FORMATS, REDIRECTED, Client, check_answer, packed_body
from sensor.outputs.transport.http_options import HttpOptions
from sensor.outputs.transport.http_output import HttpOutput
from sensor.outputs.transport.http_signing import idempotency_key, signature
from sensor.outputs.transport.secrets import Secret


class Options(HttpOptions):
    """``body``: ``lines``, or ``array`` for JSON formats; ``sign``: secret for request signatures."""

    body: Literal["lines", "array"] = "lines"
    sign: Secret | None = None

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        if self.body == "array" and self.format and self.format not in JSON_FORMATS:
            raise ValueError(f"the format {self.format} is not JSON, which an array needs; expected body: lines")


class Http(HttpOutput):
    """Batches by POST."""

    Options = Options
    title = "HTTP (NDJSON or JSON array)"
    guarantee = "at_least_once"

    def send(self, entries: Sequence[Entry]) -> Ack:
        client, payloads = self._opened, [entry.payload for entry in entries]
        body = b"[" + b",".join(payloads) + b"]" if self.options.body == "array" else b"\n".join(payloads) + b"\n"
        packed, encoding = packed_body(body, self.options.packing)
        key = idempotency_key(entries)
        headers = {"Content-Type": self._content_type(), "Idempotency-Key": key, **encoding}
        if self.options.sign is not None:
            headers |= signature(self.options.sign.reveal(), key, int(time.time()), packed)
        check_answer(client.request("POST", client.place.url, packed, headers))
        return Ack()

    def _content_type(self) -> str:
        if self.options.body == "array":
            return "application/json"
        return "application/x-ndjson" if self.options.format in ("", *JSON_FORMATS) else "text/plain; charset=utf-8"

    def _auth(self) -> Finding:
        """A HEAD request, which changes nothing; many receivers support only POST, which is not an error."""
        with Client(self.options) as client:
            answer = client.request("HEAD", client.place.url)
        if answer.status in (401, 403, 407):
            return Finding("auth", "error", f"{answer.summary}: check token, user and password, or secret_headers")
        if answer.redirects:
            return Finding("auth", "warning", f"{answer.summary} to HEAD{REDIRECTED}")
        if answer.status >= 500 or answer.status == 404:
            return Finding(
                "auth", "warning", f"{answer.summary} to HEAD: check the path of url, unless it accepts POST only"
            )
        return Finding("auth", "ok", f"{answer.summary} to HEAD; the first record shows whether it accepts records")
