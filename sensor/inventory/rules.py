"""Rules: operator decisions about the baseline. An allowed flow is treated as learned; a forbidden one is never
learned, so that it stays new.

A rule names a client, a server and a service. Client and server are device ids, or addresses of hosts that are not
devices; a server may be ``outside``, and either may be ``*``: any host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sensor.core.ip_protocols import TCP, UDP
from sensor.core.service_names import service_text

ANYBODY = "*"
ALLOW, FORBID = "allow", "forbid"
PROTOCOLS = {"tcp": TCP, "udp": UDP}
# (client, server, service) → whether it is allowed.
Rules = Mapping[tuple[str, str, int], bool]


class Rule(NamedTuple):
    """One rule as entered. ``service``: ``protocol << 16 | port``; ``number`` counts all operator
    entries of a store.
    """

    client: str
    server: str
    service: int
    allowed: bool
    number: int = 0
    author: str = ""
    ts: int = 0
    reason: str = ""


def ruled(rules: Rules, client: str, server: str, service: int) -> bool | None:
    """Whether a flow is allowed (True) or forbidden (False); None if no rule matches. A rule that names both endpoints
    takes precedence, then one that names the client.
    """
    if not rules:
        return None
    for one, other in ((client, server), (client, ANYBODY), (ANYBODY, server), (ANYBODY, ANYBODY)):
        rule = rules.get((one, other, service))
        if rule is not None:
            return rule
    return None


def parse_service(text: str) -> int:
    """The number of ``tcp/22``, ``udp/53``, ``ssh/22`` or a TCP port. Raises ValueError for any other text."""
    name, _, digits = text.strip().lower().rpartition("/")
    if digits.isdecimal() and 0 < int(digits) < 65536:
        for proto, number in PROTOCOLS.items():
            service = number << 16 | int(digits)
            if name in ("", proto) or service_text(service) == f"{name}/{digits}":
                return service
    raise ValueError(f"found the service {text!r}, expected a service such as tcp/22, udp/161 or ssh/22")


def plain_service(service: int) -> str:
    """``tcp/22``: the notation of ``parse_service``, without the port's service name."""
    return f"{'tcp' if service >> 16 == TCP else 'udp'}/{service & 0xFFFF}"
