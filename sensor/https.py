"""Requests a document over HTTPS, if it changed (ETag, Last-Modified; RFC 9110, 13). Called by commands only: the
process that captures opens no connections.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import IO, NamedTuple

from sensor.core.reader import clean

TIMEOUT_S = 60
ETAG_LIMIT = 256


class NotFetched(Exception):
    """Why there is no document, as text."""


class Answer(NamedTuple):
    """``body`` is None if the document is unchanged; ``etag``, ``modified``: validators for the next request."""

    body: IO[bytes] | None
    etag: str
    modified: str


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to URLs that are equally secure."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith("https://"):
            raise NotFetched(f"redirects to {clean(newurl, 80)}, which is not HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextlib.contextmanager
def requested(
    url: str,
    agent: str,
    *,
    accept: str = "*/*",
    etag: str = "",
    modified: str = "",
    headers: Mapping[str, str] | None = None,
) -> Iterator[Answer]:
    """The response of an https:// URL, as a context manager. ``headers`` are sent only to its own host. Raises
    NotFetched if the document cannot be fetched completely.
    """
    known = {name: value for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)) if value}
    request = urllib.request.Request(url, headers={"User-Agent": agent, "Accept": accept, **known})  # noqa: S310 - https only, the caller saw to it
    for name, value in (headers or {}).items():
        request.add_unredirected_header(name, value)
    opener = urllib.request.build_opener(
        _SecureRedirects, urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            yield Answer(
                answer,
                clean(answer.headers.get("ETag", ""), ETAG_LIMIT),
                clean(answer.headers.get("Last-Modified", ""), ETAG_LIMIT),
            )
    except urllib.error.HTTPError as error:
        with error:
            if error.code != http.client.NOT_MODIFIED:
                raise NotFetched(f"the server answered {error.code} {clean(str(error.reason), 80)}") from None
        yield Answer(None, etag, modified)
    except urllib.error.URLError as error:
        raise NotFetched(f"cannot be fetched: {clean(str(error.reason), 200)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotFetched(f"cannot be fetched: {clean(str(error) or type(error).__name__, 200)}") from None
