"""UDP services that are misused as amplifiers (US-CERT TA14-017A and later reports)."""

from __future__ import annotations

# Chargen and similar, DNS, TFTP, port mapper, NTP, NetBIOS, SNMP, LDAP, SLP, IKE, RIP, IPMI, OpenVPN, MS SQL, Citrix,
# L2TP, SSDP, Digi, remote desktops, STUN, WS-Discovery, SIP, licence servers, CoAP, file and voice servers, Ubiquiti,
# memcached, debug and media ports of embedded devices, game servers, BACnet.
AMPLIFIERS = (
    7, 13, 17, 19, 53, 69, 111, 123, 137, 161, 177, 389, 427, 500, 520, 623, 1194, 1434, 1604, 1701, 1900, 2362, 3283,
    3389, 3478, 3702, 5060, 5093, 5353, 5683, 7001, 9987, 10001, 10074, 11211, 17185, 20811, 26000, 27015, 27960, 30718,
    32414, 33848, 37810, 47808,
)  # fmt: skip
