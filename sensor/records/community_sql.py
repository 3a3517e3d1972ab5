"""Community IDs in SQL, as ``core.community_id`` computes them; and the prefix by which connections are found.

The messages are built as hexadecimal text, which sorts like the bytes.
"""

from __future__ import annotations

import base64
import binascii

from sensor.core.community_id import ICMP_PAIRS, WITH_PORTS
from sensor.records.codes import PROTOCOLS, proto_name

VERSION, DIGEST, PREFIX = "1:", 20, 8


def prefix_of(text: str) -> int | None:
    """The first 8 bytes of the digest in a Community ID as a signed number, as the column ``community_hash`` has them;
    None if the text is not one of version 1.
    """
    if not text.startswith(VERSION):
        return None
    try:
        digest = base64.b64decode(text.removeprefix(VERSION), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(digest) != DIGEST or base64.b64encode(digest).decode() != text.removeprefix(VERSION):
        return None
    return int.from_bytes(digest[:PREFIX], "big", signed=True)


def _pairs() -> str:
    """SQL of the type of ICMP messages in the other direction; null if there is none, or for other protocols."""
    cases = (
        f"WHEN proto = '{proto_name(number)}' THEN CASE sport "
        f"{' '.join(f'WHEN {one} THEN {other}' for one, other in pairs.items())} END"
        for number, pairs in ICMP_PAIRS.items()
    )
    return f"CASE {' '.join(cases)} END"


_NAMES = " ".join(f"WHEN '{name}' THEN {number}" for number, name in PROTOCOLS.items())
_ICMP, _PORTED = (", ".join(f"'{proto_name(number)}'" for number in sorted(some)) for some in (ICMP_PAIRS, WITH_PORTS))
# A list of one item is the way to use a value several times without computing it again: macros are expanded.
MACROS = f"""
CREATE MACRO _groups(part) AS CASE WHEN part = '' THEN '' ELSE
    array_to_string(list_transform(string_split(part, ':'), lambda one: lpad(one, 4, '0')), '') END;
CREATE MACRO _address(ip) AS CASE WHEN ip NOT LIKE '%:%' THEN printf('%08x', ip4(ip)) ELSE
    list_transform([[_groups(split_part(ip, '::', 1)), _groups(split_part(ip, '::', 2))]],
        lambda half: half[1] || repeat('0', 32 - len(half[1]) - len(half[2])) || half[2])[1] END;
CREATE MACRO _end(ip, port) AS _address(ip) || right(hex(port::BIGINT + 65536), 4);
CREATE MACRO _digest(one, other, proto) AS sha1(unhex('0000' || one[:-5] || other[:-5]
    || printf('%02x00', (CASE proto {_NAMES} ELSE try_cast(proto AS UTINYINT) END)::BIGINT)
    || CASE WHEN proto IN ({_PORTED}) THEN one[-4:] || other[-4:] ELSE '' END));
CREATE MACRO _pair(proto, sport) AS {_pairs()};
CREATE MACRO community_id(src, dst, proto, sport, dport) AS list_transform([_pair(proto, sport)],
    lambda pair: list_transform([[_end(src, coalesce(sport, 0)), _end(dst, coalesce(pair, dport, 0))]],
    lambda ends: list_transform([CASE WHEN ends[1] <= ends[2] OR proto IN ({_ICMP}) AND pair IS NULL THEN ends
        ELSE [ends[2], ends[1]] END],
    lambda ends: CASE WHEN len(ends[1]) = len(ends[2]) THEN
        '1:' || to_base64(unhex(_digest(ends[1], ends[2], proto))) END)))[1][1][1];
"""
