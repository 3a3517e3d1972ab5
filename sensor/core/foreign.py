"""Reading records that another program may have written: values of the wrong type count as missing, and every text is
cleaned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensor.core.addresses import parse
from sensor.core.reader import clean

Record = dict[str, Any]
SHORT_TEXT_LIMIT = 512
# The addresses of hosts that have none yet: they name no host.
UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 nothing is bound


def tidy(value: Any, limit: int = SHORT_TEXT_LIMIT) -> str:
    """Any value as one line of clean text; a list is joined by commas, None is empty."""
    if isinstance(value, str):  # first: nearly all values are
        return clean(value, limit)
    if isinstance(value, list):
        return ", ".join(tidy(one, limit) for one in value)
    return "" if value is None else clean(str(value), limit)


def part(record: Record, name: str) -> Record:
    """An object within a record; empty if there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def host_of(end: Mapping[str, Any]) -> str:
    """The address of an endpoint, else its MAC or the id of its device."""
    ip, mac, device = (str(end.get(name) or "") for name in ("ip", "mac", "device"))
    return mac if mac and ip in UNSPECIFIED else ip or mac or device


def texts(value: Any) -> list[str]:
    """The texts in a list; empty if the value is no list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def address_of(value: Any) -> int:
    """An IP address as an integer (``core.addresses``); 0 if the value is not an address."""
    try:
        return parse(value) if isinstance(value, str) else 0
    except ValueError:
        return 0
