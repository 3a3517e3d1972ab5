"""Community ID, version 1, seed 0: a short text that identifies a flow, the same in every tool
(corelight/community-id-spec).

``1:`` and the base64 of the SHA-1 of seed, both addresses, protocol and ports, the smaller endpoint first. The types of
ICMP request and reply pairs take the place of ports; other ICMP messages keep type, code and direction.
"""

from __future__ import annotations

import base64
import hashlib
import struct

from sensor.core.addresses import V4_MASK, is_v4
from sensor.core.ip_protocols import ICMP, ICMPV6, SCTP, TCP, UDP

WITH_PORTS = frozenset((ICMP, TCP, UDP, ICMPV6, SCTP))
_SEED = struct.pack("!H", 0)

# Type of a request → type of its reply.
ICMP_PAIRS = {
    ICMP: {0: 8, 8: 0, 9: 10, 10: 9, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    ICMPV6: {
        128: 129,
        129: 128,
        130: 131,
        131: 130,
        133: 134,
        134: 133,
        135: 136,
        136: 135,
        139: 140,
        140: 139,
        144: 145,
        145: 144,
    },
}


def community_id(client: int, server: int, proto: int, client_port: int, server_port: int) -> str:
    """The Community ID of a flow. Addresses are integers (``core.addresses``); ICMP has type and code as ports. Empty
    if the endpoints have no addresses or differ in family.
    """
    if not client or not server or is_v4(client) != is_v4(server):
        return ""
    one_way = False
    pairs = ICMP_PAIRS.get(proto)
    if pairs is not None:
        one_way = client_port not in pairs
        server_port = pairs.get(client_port, server_port)
    first, second = (client, client_port), (server, server_port)
    if not one_way and second < first:
        first, second = second, first
    ports = struct.pack("!HH", first[1], second[1]) if proto in WITH_PORTS else b""
    content = _SEED + _packed(first[0]) + _packed(second[0]) + bytes((proto, 0)) + ports
    return "1:" + base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode("ascii")


def _packed(address: int) -> bytes:
    return (address & V4_MASK).to_bytes(4, "big") if is_v4(address) else address.to_bytes(16, "big")
