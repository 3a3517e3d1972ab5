"""A client for outputs over HTTP, with limits on every wait and on the duration and size of a response; and the meaning
of responses.

Response bodies come from the destination: limited, cleaned, never trusted. URLs may be secrets: messages contain only
the host.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import msgspec
import urllib3
import zstandard

from sensor.core.output import BatchRejected, Retry
from sensor.core.reader import clean
from sensor.outputs.transport.http_options import HttpOptions, Packing, place_of
from sensor.outputs.transport.http_wire import REASON_LIMIT, cookies, failed, pools, read

AGENT = "passive-network-sensor"
JSON_FORMATS = ("native", "ecs", "ocsf", "device_info")
ANSWER_LIMIT = 64 * 1024
RETRY_AFTER_LIMIT_S = 3600.0
REFUSED = (400, 413, 422)
REDIRECTED = " (redirects are not followed: set url to the new address)"

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
    def redirects(self) -> bool:
        return 300 <= self.status < 400

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
    write a request and to read its response, not only the longest silence. ``base``: the URL of the destination,
    without its query and a slash at its end.
    """

    def __init__(self, options: HttpOptions) -> None:
        """Reads the secrets, opens no connection."""
        self.place = options.place()
        self.base = self.place.url.partition("?")[0].rstrip("/")
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
    raise Retry(answer.summary + (REDIRECTED if answer.redirects else ""), answer.after_s)


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


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
