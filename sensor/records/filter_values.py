"""Values that columns can have. A filter for another value is an error, not a search without matches."""

from __future__ import annotations

import ipaddress
from fnmatch import filter as matching

from sensor.core.addresses import parse_mac
from sensor.core.known_values import CUSTOM, KNOWN, PORTS, VLANS
from sensor.core.lazy_pattern import lazy_pattern
from sensor.records.codes import PROTOCOLS, QTYPES, RCODES
from sensor.records.ended import STATES
from sensor.registry import names

# Columns whose values are all known; those of ``state`` are of connections and of files.
_WORDS: dict[str, tuple[str, ...]] = {
    "type": KNOWN["type"],
    "severity": KNOWN["severity"],
    "proto": tuple(PROTOCOLS.values()),
    "direction": ("internal", "outbound", "inbound", "external"),
    "state": (*STATES, "whole", "gap", "cut off", "partial", "large", "encoded", "busy"),
    "end_reason": ("finished", "reset", "idle", "evicted", "stopped"),
    "verdict": ("affected", "not_affected", "unknown"),
    "role": ("actor", "target"),
    "qtype": tuple(QTYPES.values()),
    "rcode": tuple(RCODES.values()),
}
_NUMBERS = {
    "vlan": (VLANS, "a VLAN from 1 to 4094"),
    **dict.fromkeys(("src_port", "dst_port", "port"), (PORTS, "a port from 0 to 65535")),
}
# Numbers without a name, as records have them.
_NAMELESS = {"qtype": lazy_pattern(r"type[0-9]{1,5}"), "rcode": lazy_pattern(r"rcode[0-9]{1,4}")}
_ADDRESSES = ("src_ip", "dst_ip", "ip", "ips", "assigned", "requested", "server_id")
_MACS = ("src_mac", "dst_mac", "mac", "macs", "client_mac")


def expected(column: str, value: str) -> str:
    """What was expected instead of a value that a column cannot have; empty if it can. ``*`` stands for any text."""
    if column == "detector":
        return "" if value.startswith((CUSTOM, "*")) else _expected_word(value, names("sensor.detectors"))
    if column in _WORDS:
        return "" if _is_nameless(column, value.lower()) else _expected_word(value, _WORDS[column])
    if column in _NUMBERS and value.isascii() and value.isdigit():
        allowed, form = _NUMBERS[column]
        return "" if int(value) in allowed else form
    if "*" in value:
        return ""
    if column in _ADDRESSES:
        return "" if _is_address(value) else "an address, a block such as 10.0.0.0/24, or a pattern with *"
    return "a MAC such as 00:17:c8:1a:2b:3c, or a pattern with *" if column in _MACS and not _is_mac(value) else ""


def _is_nameless(column: str, value: str) -> bool:
    if column == "proto":
        return value.isascii() and value.isdigit() and int(value) < 256 and int(value) not in PROTOCOLS
    return column in _NAMELESS and _NAMELESS[column].fullmatch(value) is not None


def _expected_word(value: str, known: tuple[str, ...]) -> str:
    """Words are compared ignoring case. In patterns, [ stands for itself."""
    if matching([one.lower() for one in known], value.lower().replace("[", "[[]")):
        return ""
    from sensor.documents import nearest

    return nearest(value, known)


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _is_mac(value: str) -> bool:
    try:
        parse_mac(value)
    except ValueError:
        return False
    return True
