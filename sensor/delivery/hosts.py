"""Hosts that outputs deliver to, from their options: traffic with them is expected and must not be blocked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

# Options that name a destination, the most specific first.
PLACES = ("url", "servers", "brokers", "path", "host")
# Schemes of references to a secret, which may stand in place of a URL.
SECRETS = ("env", "file", "credential")


def hosts_of(outputs: Mapping[str, Any] | None) -> dict[str, frozenset[str]]:
    """Names and addresses of each output's hosts, in lower case; those in secrets, which are not read, are unknown.
    ``outputs``: their options by name.
    """
    return {name: frozenset(_hosts(options)) for name, options in (outputs or {}).items()}


def _hosts(options: Any) -> Iterator[str]:
    for name in PLACES:
        value = options.get(name) if isinstance(options, Mapping) else getattr(options, name, None)
        for place in value if isinstance(value, list) else [value]:
            text = str(place or "")
            if name == "path" or not text or (name == "url" and text.partition(":")[0] in SECRETS):
                continue
            if name == "host":  # an IPv6 address has no brackets here
                yield text.strip("[]").lower()
                continue
            try:
                host = urlsplit(text if "//" in text else f"//{text}").hostname
            except ValueError:
                continue
            if host and re.fullmatch(r"[\w.:-]+", host):
                yield host
