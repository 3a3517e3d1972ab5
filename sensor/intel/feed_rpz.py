"""Response policy zones (draft-vixie-dnsop-dns-rpz): zone files whose owner names are triggers and whose records are
actions. Names and response addresses are listed; ``rpz-passthru.`` is an exception. ``rpz-tcp-only.`` does not block,
and triggers by client or name server do not match what packets show of an answer: both are omitted.
"""

from __future__ import annotations

import re
from ipaddress import ip_network

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.intel.indicator import EXCEPTION, Broken, Found, Indicator

# An owner (empty: that of the record before), a TTL and a class in any order, a type, and its data.
_RECORD = lazy_pattern(
    r"(\S*)\s+(?:(?:\d[\dsmhdw]*|IN)\s+){0,2}(CNAME|A|AAAA|TXT|MX|SRV|DNAME|NS|SOA)\s+(\S.*)", re.IGNORECASE
)
# A zone has CNAME records with one of these targets.
ZONE = lazy_pattern(
    rb"(?im)^[\w.*-]+[ \t]+(?:(?:\d[\dsmhdw]*|IN)[ \t]+){0,2}CNAME[ \t]+(?:\.|\*\.|rpz-[a-z-]{4,8}\.)[ \t\r]*(?:;|$)"
)
PASSTHRU, TCP_ONLY = "rpz-passthru", "rpz-tcp-only"
ADDRESS, OMITTED = ".rpz-ip", (".rpz-client-ip", ".rpz-nsdname", ".rpz-nsip")
_STRUCTURE = frozenset(("NS", "SOA"))


def rpz_lines(text: str) -> Found:
    """The triggers of a zone."""
    origin, owner, depth = "", "", 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.partition(";")[0].rstrip()
        inside, depth = depth, max(depth + bare.count("(") - bare.count(")"), 0)
        if bare.upper().startswith("$ORIGIN"):
            origin = bare[7:].strip().strip(".").lower()
        elif bare and not inside and not bare.startswith(("$", "#")):
            record = _RECORD.fullmatch(bare)
            if record is None:
                yield Broken(number, f"found {clean(bare, 60)!r}, expected a record of a response policy zone")
                continue
            owner = record[1] or owner
            kind, data = record[2].upper(), record[3].split()[0]
            if kind == "SOA" and not origin and owner != "@":
                origin = owner.strip(".").lower()
            elif kind not in _STRUCTURE and owner != "@":
                yield from _trigger(number, _relative(owner, origin), data.rstrip(".").lower())


def _relative(owner: str, origin: str) -> str:
    """A name in the zone, without the zone's own name."""
    name = owner.lower()
    return name.rstrip(".").removesuffix(f".{origin}") if name.endswith(".") else name


def _trigger(number: int, name: str, target: str) -> Found:
    if name.endswith(OMITTED) or target == TCP_ONLY:
        return
    value = name.removeprefix("*.")
    if name.endswith(ADDRESS):
        try:
            value = _block(name.removesuffix(ADDRESS))
        except ValueError:
            yield Broken(number, f"found {clean(name, 60)!r}, expected a block as PREFIX.D.C.B.A.rpz-ip")
            return
    # In old zones, an exception points to its own name.
    passes = target in (PASSTHRU, name)
    yield number, Indicator(value, PASSTHRU if passes else "", until=EXCEPTION if passes else 0)


def _block(reversed_block: str) -> str:
    """An address block from its length and its parts in reverse order; ``zz`` stands for ``::``."""
    length, *parts = reversed_block.split(".")
    parts.reverse()
    if len(parts) == 4 and "zz" not in parts:
        return str(ip_network(f"{'.'.join(parts)}/{length}", strict=False))
    written = ":".join("" if part == "zz" else part for part in parts)
    return str(ip_network(f"{':' * (parts[0] == 'zz')}{written}{':' * (parts[-1] == 'zz')}/{length}", strict=False))
