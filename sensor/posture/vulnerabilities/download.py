"""Downloads a feed over HTTPS into a file, in chunks, with a size limit. Only commands call it: the capture process
opens no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from sensor.https import Answer, NotFetched, requested

SIZE_LIMIT = 4 << 30
_CHUNK = 1 << 20


def download(
    url: str,
    into: IO[bytes],
    *,
    etag: str = "",
    modified: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> Answer:
    """Write the content of an https:// URL to a file; nothing if it is unchanged. ``progress`` is called with numbers
    of bytes. Raises NotFetched on failure.
    """
    with requested(url, "sensor-vulns", etag=etag, modified=modified) as answer:
        if answer.body is not None:
            _copy(answer.body, into, progress)
    return answer


def _copy(body: IO[bytes], into: IO[bytes], progress: Callable[[int], None]) -> None:
    size = 0
    while chunk := body.read(_CHUNK):
        size += len(chunk)
        if size > SIZE_LIMIT:
            raise NotFetched(f"is larger than {SIZE_LIMIT:,} bytes")
        into.write(chunk)
        progress(len(chunk))
    into.flush()
