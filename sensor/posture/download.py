"""Fetches a feed over HTTPS into a file, piece by piece. Called by commands only: the process that captures opens no connection.

A server is asked whether the feed changed (ETag, Last-Modified; RFC 9110, 13). What comes is bounded in size.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from typing import IO, NamedTuple

from sensor.core.reader import clean

SIZE_LIMIT = 4 << 30
TIMEOUT_S = 60
_CHUNK = 1 << 20


class NotFetched(Exception):
    """In words, why there is no feed."""


class Fetched(NamedTuple):
    """``unchanged``: the feed is what it was, and nothing was written."""

    unchanged: bool
    etag: str = ""
    modified: str = ""


class _Careful(urllib.request.HTTPRedirectHandler):
    """Follows to other places only where they are as safe."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith("https://"):
            raise NotFetched(f"is sent on to {clean(newurl, 80)}, which is not HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, into: IO[bytes], *, etag: str = "", modified: str = "") -> Fetched:
    """What is at an https:// URL, written to a file. NotFetched where it cannot be had."""
    asked = {"User-Agent": "sensor-vulns", "Accept": "*/*"}
    asked |= {"If-None-Match": etag} if etag else {}
    asked |= {"If-Modified-Since": modified} if modified else {}
    request = urllib.request.Request(url, headers=asked)  # noqa: S310 - https only, the caller saw to it
    opener = urllib.request.build_opener(_Careful, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            _copy(answer, into)
            return Fetched(unchanged=False, etag=clean(answer.headers.get("ETag", ""), 256), modified=clean(answer.headers.get("Last-Modified", ""), 256))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.client.NOT_MODIFIED:
                return Fetched(unchanged=True, etag=etag, modified=modified)
        raise NotFetched(f"the server says {error.code} {clean(str(error.reason), 80)}") from None
    except urllib.error.URLError as error:
        raise NotFetched(f"cannot be fetched: {clean(str(error.reason), 200)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotFetched(f"cannot be fetched: {clean(str(error) or type(error).__name__, 200)}") from None


def _copy(answer: IO[bytes], into: IO[bytes]) -> None:
    size = 0
    while chunk := answer.read(_CHUNK):
        size += len(chunk)
        if size > SIZE_LIMIT:
            raise NotFetched(f"is larger than {SIZE_LIMIT:,} bytes")
        into.write(chunk)
    into.flush()
