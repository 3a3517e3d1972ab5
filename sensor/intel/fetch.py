"""Fetches a threat list from a file or over HTTPS. Only commands call it: the capture process opens no connection.

Requests are conditional (ETag, Last-Modified; RFC 9110, 13). The size is limited, before and after decompression. Paged
lists are combined: TAXII 2.1 envelopes, OTX pulses, events in the manifest of a MISP feed.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from sensor.core.reader import clean
from sensor.https import NotFetched, requested

SIZE_LIMIT = 256 * 1024 * 1024
PAGES_LIMIT = 2000
TAXII = "application/taxii+json;version=2.1"
_CHUNK = 1 << 20


class Fetched(NamedTuple):
    """``body`` is None if the list is unchanged. ``note``: what was not fetched, as text."""

    body: bytes | None
    etag: str = ""
    modified: str = ""
    note: str = ""


def fetch(
    source: str,
    *,
    etag: str = "",
    modified: str = "",
    headers: Mapping[str, str] | None = None,
    limit: int = SIZE_LIMIT,
) -> Fetched:
    """The list at ``source``. ``headers`` are sent to its own host only. Raises NotFetched on failure."""
    if not source.lower().startswith("https://"):
        return _file(Path(source).expanduser(), limit)
    first = _get(source, headers or {}, limit, etag, modified)
    if first.body is None:
        return first
    body, note = _whole(source, first.body, headers or {}, limit)
    return first._replace(body=body, note=note)


def headers_of(path: Path) -> dict[str, str]:
    """The headers in a file, one ``Name: value`` per line. Raises NotFetched if it cannot be read or has another
    format; its content is secret and never shown.
    """
    try:
        lines = path.expanduser().read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise NotFetched(f"{path}: cannot be read: {error.strerror}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if line.strip() and not line.startswith("#"):
            if not colon or not name.strip() or not value.strip():
                raise NotFetched(f"{path}:{number}: expected a header as Name: value")
            found[name.strip()] = value.strip()
    return found


def _file(path: Path, limit: int) -> Fetched:
    try:
        with path.open("rb") as file:
            return Fetched(_unpacked(_bounded(file, limit), limit))
    except OSError as error:
        raise NotFetched(f"cannot be read: {error.strerror}") from None


def _get(url: str, headers: Mapping[str, str], limit: int, etag: str = "", modified: str = "") -> Fetched:
    accept = TAXII if "/collections/" in urlsplit(url).path else "*/*"
    with requested(url, "sensor-intel", accept=accept, etag=etag, modified=modified, headers=headers) as answer:
        body = None if answer.body is None else _unpacked(_bounded(answer.body, limit), limit)
    return Fetched(body, answer.etag, answer.modified)


def _bounded(stream: Any, limit: int) -> bytes:
    """The complete content of a stream. Raises NotFetched above the limit."""
    kept = bytearray()
    while chunk := stream.read(_CHUNK):
        kept += chunk
        if len(kept) > limit:
            raise NotFetched(f"is larger than {limit:,} bytes")
    return bytes(kept)


def _unpacked(body: bytes, limit: int) -> bytes:
    """The content of a gzip file, or the first file of a zip archive; other data unchanged."""
    try:
        if body[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
                plain = packed.read(limit + 1)
        elif body[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(body)) as archive, archive.open(archive.infolist()[0]) as file:
                plain = file.read(limit + 1)
        else:
            return body
    except (
        zlib.error,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        IndexError,
    ) as error:
        raise NotFetched(f"cannot be decompressed: {clean(str(error), 80)}") from None
    if len(plain) > limit:
        raise NotFetched(f"is larger than {limit:,} bytes after decompression")
    return plain


# Paged lists.


def _whole(url: str, body: bytes, headers: Mapping[str, str], limit: int) -> tuple[bytes, str]:
    """The body with its other pages, unchanged if it has none; and what was left out, as text."""
    document = _document(body)
    if "more" in document and isinstance(document.get("objects"), list):
        return _joined(url, document, "objects", headers, limit), ""
    if isinstance(document.get("results"), list) and document.get("next"):
        return _joined(url, document, "results", headers, limit), ""
    if document and all(
        isinstance(event, dict) and "info" in event and "timestamp" in event for event in document.values()
    ):
        more = len(document) - PAGES_LIMIT
        note = f"only the newest {PAGES_LIMIT:,} of {len(document):,} events are read" if more > 0 else ""
        return _events(url, document, headers, limit), note
    return body, ""


def _joined(url: str, document: dict[str, Any], name: str, headers: Mapping[str, str], limit: int) -> bytes:
    """All pages of a TAXII collection or of OTX, combined."""
    rows, size, here = list(document[name]), 0, url
    for _ in range(PAGES_LIMIT):
        here = _next(url, here, document)
        if not here:
            return json.dumps({name: rows}).encode()
        page = _get(here, headers, limit - size).body or b"{}"
        size += len(page)
        document = _document(page)
        rows += document[name] if isinstance(document.get(name), list) else []
    raise NotFetched(f"has more than {PAGES_LIMIT:,} pages")


def _next(url: str, here: str, document: dict[str, Any]) -> str:
    """The URL of the next page; empty if there is none. Raises NotFetched if it is on another host."""
    following = document.get("next")
    if "objects" in document:
        if document.get("more") is not True or not following:
            return ""
        base, _, query = url.partition("?")
        return f"{base}?{query}{'&' if query else ''}{urlencode({'next': str(following)})}"
    if not following:
        return ""
    there = urljoin(here, str(following))
    if (urlsplit(there).scheme, urlsplit(there).netloc) != (urlsplit(url).scheme, urlsplit(url).netloc):
        raise NotFetched(f"continues at {clean(there, 80)}, another host")
    return there


def _events(url: str, manifest: dict[str, Any], headers: Mapping[str, str], limit: int) -> bytes:
    """The events of a MISP feed, as one document; the newest first if there are too many."""
    names = sorted(manifest, key=lambda name: str(manifest[name]["timestamp"]), reverse=True)[:PAGES_LIMIT]
    events, size = [], 0
    for name in names:
        if name.replace("-", "").isalnum():
            page = _get(urljoin(url, f"{name}.json"), headers, limit - size).body or b"{}"
            size += len(page)
            events.append(_document(page))
    return json.dumps({"response": events}).encode()


def _document(body: bytes) -> dict[str, Any]:
    """The object in a JSON body; empty for anything else."""
    if body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
