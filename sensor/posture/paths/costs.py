"""What a step of an attack costs: a number for its effort and uncertainty, published so that the sum can be
verified.

To compromise a host, an attacker has to reach one of its services, and then exploit (take) it:

  reach     1   a conversation between the two was observed, or an external host was answered
            4   both are in the same segment, without an observed conversation (assumed)
  take      1   no password is required (Telnet, VNC, Docker, IPMI), or nothing more is needed
            3   known to be exploitable: SMB 1, a community, a broker, a database or a volume without access control
            5   passwords are sent in cleartext: sniffing, then a login
         2–12   a vulnerability of CVSS 7 and above, or of 50 points of priority, if a packet contained its version: 2,
                and 1 for each 10 points that its priority lacks to 100
           12   an administration service without a known weakness: a password has to be guessed or stolen
           24   any other service without a known weakness: an unknown vulnerability
  at once   1   the host already communicates with a C2 server (an alert is open)
            2   an attack of one host on the other was observed (an alert is open)
            5   an administration session was observed: its credentials are on the client
           10   a user opens content from the internet: a workstation that uses the web (assumed)

A path that costs 40 or more is ignored: it would need two unknown vulnerabilities.
"""

from __future__ import annotations

from enum import IntEnum

from sensor.core.alert import Severity
from sensor.core.device import FIXED_FUNCTION
from sensor.core.ip_protocols import TCP, UDP
from sensor.posture.weakness import VULNERABILITY, Weakness

REACH, ASSUMED_NEAR, ASSUMED_FAR = 1, 2, 2
GUESS, UNKNOWN = 12, 24
HELD, ATTACKED, SESSION, LURE = 1, 2, 5, 10
LIMIT = 40
# Increase in cost from which a path is treated as broken.
MUCH = 8

# A lower-rated vulnerability counts from this priority.
URGENT = 50.0
OPEN, WEAK, LISTEN = 1, 3, 5
# Setting → cost of compromise through it, and the service, if its record names no port. Settings that give no access
# are not listed.
SETTINGS: dict[str, tuple[int, tuple[int, ...]]] = {
    "telnet_open": (OPEN, (TCP << 16 | 23,)),
    "vnc_open": (OPEN, (TCP << 16 | 5900,)),
    "smb1": (WEAK, (TCP << 16 | 445, TCP << 16 | 139)),
    "snmp_default": (WEAK, (UDP << 16 | 161,)),
    "mqtt_anonymous": (WEAK, (TCP << 16 | 1883,)),
    "database_open": (WEAK, ()),
    "docker_open": (OPEN, (TCP << 16 | 2375,)),
    "iscsi_open": (WEAK, (TCP << 16 | 3260,)),
    "opcua_open": (WEAK, (TCP << 16 | 4840,)),
    "ipmi_open": (OPEN, (UDP << 16 | 623,)),
    "ipmi_anonymous": (OPEN, (UDP << 16 | 623,)),
    "telnet": (LISTEN, (TCP << 16 | 23,)),
    "ftp": (LISTEN, (TCP << 16 | 21,)),
    "http_login": (LISTEN, (TCP << 16 | 80,)),
    "http_basic": (LISTEN, (TCP << 16 | 80,)),
    "ldap_simple": (LISTEN, (TCP << 16 | 389,)),
}
# File shares count as administration only between hosts whose function is not sharing, and with few users.
SHARES, MANY = frozenset((TCP << 16 | 139, TCP << 16 | 445)), 3
SHARING = frozenset(("server", "nas", "printer", "label_printer"))
# Types of user devices, and the services by which web content reaches them.
PEOPLE = frozenset(("workstation", "mobile", "tablet"))
WEB = frozenset((TCP << 16 | 80, TCP << 16 | 443, UDP << 16 | 443))
STARTS = FIXED_FUNCTION


class Kind(IntEnum):
    """What an edge represents."""

    REACH = 0
    NEAR = 1
    FAR = 2
    WEAKNESS = 3
    GUESS = 4
    UNKNOWN = 5
    SESSION = 6
    ATTACK = 7
    HELD = 8
    INBOUND = 9
    LURE = 10


def taking(weakness: Weakness) -> int:
    """Cost of compromising a host through a weakness; 0 if it gives no access, or is uncertain."""
    if not weakness.sure:
        return 0
    if weakness.kind == VULNERABILITY:
        if weakness.severity < Severity.high and weakness.points < URGENT:
            return 0
        return 2 + round((100 - min(100.0, weakness.points)) / 10)
    return SETTINGS.get(weakness.name, (0, ()))[0]
