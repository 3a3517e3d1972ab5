"""Shared by all outputs over HTTP: a client with limits on every wait and on the duration and size of a response; and
the meaning of responses.

Response bodies come from the destination: limited, cleaned, never trusted. URLs may be secrets: messages contain only
the host.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
import urllib3
import zstandard

from sensor.core.output import BatchRejected, Finding, Retry
from sensor.core.reader import clean
from sensor.outputs._probe import probe, probe_tls
from sensor.outputs.transport.connect import connect
from sensor.outputs.transport.http_options import Destination, HttpOptions, Packing, place_of
from sensor.outputs.transport.http_wire import REASON_LIMIT, cookies, failed, pools, read
from sensor.outputs.transport.tunnel import tunnel

AGENT = "passive-network-sensor"
JSON_FORMATS = ("native", "ecs", "ocsf", "device_info")
ANSWER_LIMIT = 64 * 1024
RETRY_AFTER_LIMIT_S = 3600.0
REFUSED = (400, 413, 422)

Decoded = TypeVar("Decoded")


class Answer(NamedTuple):
    """``where``: host of the response, safe to show; ``body``: up to the requested size; ``cookies``: to send back."""

    where: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: str = ""

    @property
    def summary(self) -> str:
        """Status and text, on one line."""
        explanation = clean(self.body[: REASON_LIMIT * 4], REASON_LIMIT)
        return f"{self.where} answered {self.status} {_phrase(self.status)}".rstrip() + (
            f": {explanation}" if explanation else ""
        )

    @property
    def after_s(self) -> float | None:
        """Retry-After, in seconds or as a date."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), RETRY_AFTER_LIMIT_S)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), RETRY_AFTER_LIMIT_S)


class Client:
    """Requests to one destination over a persistent connection. ``timeout_s`` limits the total time to connect, to
    write a request and to read its response, not only the longest silence.
    """

    def __init__(self, options: HttpOptions) -> None:
        """Reads the secrets, opens no connection."""
        self.place = options.place()
        self._greeting = options.greeting()
        self._timeout_s, self._packing = options.timeout_s, options.packing
        self._pools = pools(options)

    def request(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """One request and its response, whatever its status. Raises Retry if the response is absent or incomplete: the
        result of the request is then unknown.
        """
        where = place_of(url).shown
        # Credentials are only for the destination, not for its login endpoint.
        sent = {"User-Agent": AGENT, **(self._greeting if where == self.place.shown else {}), **(headers or {})}
        try:
            response = self._pools.urlopen(
                method,
                url,
                body=body or None,
                headers=sent,
                timeout=self._timeout_s,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            with contextlib.closing(response):
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(where, response.status, found, read(response, limit), cookies(response))
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            raise Retry(f"{where}: {failed(error, self._timeout_s)}") from None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, limit: int = ANSWER_LIMIT) -> Answer:
        """A compressed request body."""
        packed, encoding = packed_body(body, self._packing)
        return self.request("POST", url, packed, {**headers, **encoding}, limit=limit)

    def close(self) -> None:
        for key in self._pools.pools.keys():  # noqa: SIM118 - the container cannot be iterated otherwise
            if (pool := self._pools.pools.get(key)) is not None:
                pool.close()
        self._pools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# Meaning of responses.


def check_answer(answer: Answer) -> None:
    """Returns if everything was accepted. Raises BatchRejected if it will never be accepted; Retry for all else:
    permissions and limits can be fixed.
    """
    if 200 <= answer.status < 300:
        return
    if answer.status in REFUSED:
        raise BatchRejected(answer.summary)
    hint = " (redirects are not followed: set url to the new address)" if 300 <= answer.status < 400 else ""
    raise Retry(answer.summary + hint, answer.after_s)


def check_setup(answer: Answer) -> None:
    """Check the response to a request without records: any error may be fixed."""
    try:
        check_answer(answer)
    except BatchRejected as error:
        raise Retry(str(error)) from None


def decoded(answer: Answer, kind: type[Decoded]) -> Decoded | None:
    """The decoded body; None if it does not match the type."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (ValueError, RecursionError):  # msgspec's decode error is a ValueError, as is its error for invalid UTF-8
        return None


def packed_body(body: bytes, packing: Packing) -> tuple[bytes, dict[str, str]]:
    """A request body and the header with its compression. Fast rather than small: lines of JSON shrink to a tenth
    either way.
    """
    if not body:
        return body, {}
    if packing == "gzip":
        return gzip.compress(body, 1, mtime=0), {"Content-Encoding": "gzip"}
    if packing == "zstd":
        return zstandard.ZstdCompressor(level=1).compress(body), {"Content-Encoding": "zstd"}
    return body, {}


# Checks before sending.


def open_client(options: HttpOptions, prepare: Callable[[Client], object] | None = None) -> Client:
    """A client whose destination, or the proxy before it, accepts connections, after ``prepare``. Raises Retry with a
    plain text otherwise.
    """
    client = Client(options)
    connect(*_first(options, client.place), options.timeout_s).close()
    try:
        if prepare is not None:
            prepare(client)
    except Retry:
        client.close()
        raise
    return client


def reached(options: HttpOptions) -> Generator[Finding, None, bool]:
    """The first findings of every check; returns true if the check can continue."""
    try:
        first = _first(options, options.place())
    except Retry as error:
        yield Finding("secret", "error", str(error))
        return False
    for finding in probe(*first, options.timeout_s):
        yield msgspec.structs.replace(finding, message=f"the proxy: {finding.message}") if options.proxy else finding
        if finding.level == "error":
            return False
    place = options.place()
    if not options.proxy or place.scheme != "https" or first[2] is not None:
        return True  # the sender handles TLS within TLS
    return (yield from _reached_behind(options, place))


def _reached_behind(options: HttpOptions, place: Destination) -> Generator[Finding, None, bool]:
    """Findings about the destination through a proxy."""
    try:
        tunnel(options, place).close()
    except Retry as error:
        yield Finding("proxy", "error", str(error))
        return False
    yield Finding("proxy", "ok", f"it opens a tunnel to {place.host} port {place.port}")
    found = probe_tls(lambda: tunnel(options, place), place.host, options.tls, options.timeout_s)
    yield found
    return found.level != "error"


def looked(what: str, look: Callable[[], Finding]) -> Finding:
    """The finding of a step; an unreachable host or a missing secret is a finding too."""
    try:
        return look()
    except (Retry, BatchRejected) as error:
        return Finding(what, "error", str(error))


def _first(options: HttpOptions, place: Destination) -> tuple[str, int, Any]:
    """The host to connect to."""
    first = place_of(options.proxy) if options.proxy else place
    return first.host, first.port, options.tls if first.scheme == "https" else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
