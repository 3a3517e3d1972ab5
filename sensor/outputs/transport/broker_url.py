"""URLs of brokers and stores: their login has separate options, so that it stays out of logs and messages."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str, login: str = "`user` and `password`") -> SplitResult:
    """The parts of a URL without a login; ``login``: the options that hold it. Raises ValueError for other texts."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"found no URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"found a login in the URL, expected it as {login}")
    return parts
