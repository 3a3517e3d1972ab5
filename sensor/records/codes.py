"""Names of the numbers in records, in the notation of Zeek and Wireshark."""

from __future__ import annotations

# RFC 1035, 3596, 2782, 4034, 6698, 8484, 9460 ...
QTYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP",
    18: "AFSDB", 24: "SIG", 25: "KEY",
    28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS",
    44: "SSHFP", 45: "IPSECKEY",
    46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA",
    55: "HIP", 59: "CDS", 60: "CDNSKEY",
    61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 108: "EUI48", 109: "EUI64",
    249: "TKEY", 250: "TSIG", 251: "IXFR",
    252: "AXFR", 255: "ANY", 256: "URI", 257: "CAA",
}  # fmt: skip
# RFC 1035, 2136, 8945
RCODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH",
    10: "NOTZONE", 11: "DSOTYPENI",
}  # fmt: skip
PROTOCOLS = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "ipv6-icmp",
    89: "ospf",
    103: "pim",
    112: "vrrp",
    132: "sctp",
}
_NUMBERS = {name: number for number, name in PROTOCOLS.items()}
# [MS-RPCE] 2.2.1.1.8
PROTECTIONS = ("none", "none", "connect", "call", "packet", "integrity", "privacy")


def qtype_name(number: int) -> str:
    """``A``, or ``TYPE65280`` (RFC 3597)."""
    return QTYPES.get(number) or f"TYPE{number}"


def rcode_name(number: int) -> str:
    return RCODES.get(number) or f"RCODE{number}"


def proto_name(number: int) -> str | None:
    """The name of an IP protocol; null without IP."""
    return PROTOCOLS.get(number) or (str(number) if number else None)


def proto_number(name: str | None) -> int:
    """The number of an IP protocol; 0 without IP."""
    return _NUMBERS.get(name or "", 0) or int(name or 0)


def cipher_name(number: int) -> str:
    """The cipher suite's number: ``0x1301``."""
    return f"0x{number:04x}"


def protection_name(level: int) -> str | None:
    """Authentication level of DCE/RPC; null for an invalid number."""
    return PROTECTIONS[level] if 0 <= level < len(PROTECTIONS) else None
