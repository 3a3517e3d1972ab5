"""Services: ports that answered, as ``protocol << 16 | port``, and their names. Ephemeral ports (RFC 6335, 6, and the
wider range of Linux) are not services.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.named_tables import NamedTables

# First ephemeral port of Linux (ip_local_port_range).
EPHEMERAL = 32768
# Hosts whose services are remembered before they are devices, and services of each.
EARLY_HOSTS, EARLY_SERVICES = 4096, 8
FTP = TCP << 16 | 21
_NAMES = {
    TCP: dict.fromkeys((80, 8080), "http") | dict.fromkeys((443, 8443), "https")
    | dict.fromkeys(range(5900, 5910), "vnc") | {
        21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "dns", 88: "kerberos", 110: "pop3", 111: "rpcbind",
        135: "msrpc", 139: "netbios-ssn",
        143: "imap", 389: "ldap", 445: "smb", 465: "smtps", 502: "modbus", 515: "lpd", 548: "afp", 554: "rtsp",
        587: "submission", 631: "ipp", 636: "ldaps",
        873: "rsync", 993: "imaps", 995: "pop3s", 1433: "mssql", 1521: "oracle", 1720: "h323", 1883: "mqtt",
        2000: "sccp", 2049: "nfs", 2375: "docker", 2379: "etcd", 3260: "iscsi", 3306: "mysql", 3389: "rdp",
        5060: "sip", 5061: "sips", 5357: "wsd", 5432: "postgresql", 5672: "amqp", 5985: "winrm", 6379: "redis",
        7000: "airplay", 8009: "cast", 8883: "mqtts", 9100: "jetdirect", 9200: "elasticsearch", 11211: "memcached",
        5984: "couchdb", 27017: "mongodb", 44818: "enip", 102: "s7comm", 104: "dicom", 1911: "fox", 2404: "iec104",
        2575: "hl7", 4840: "opcua", 11112: "dicom", 20000: "dnp3",
    },
    UDP: {
        53: "dns", 67: "dhcp", 69: "tftp", 88: "kerberos", 123: "ntp", 137: "netbios-ns", 161: "snmp", 389: "ldap",
        443: "quic", 500: "ike", 514: "syslog",
        623: "ipmi", 1194: "openvpn", 1812: "radius", 1900: "ssdp", 2727: "mgcp", 3478: "stun", 3702: "wsd",
        5060: "sip", 5353: "mdns", 5683: "coap",
        3671: "knx", 10001: "ubnt", 11211: "memcached", 47808: "bacnet",
    },
}  # fmt: skip


class Sighted(NamedTuple):
    """An endpoint of a flow and the service that it offers or uses."""

    ts: int
    mac: int
    address: int
    vlan: int
    service: int
    offered: bool


class EarlyServices:
    """Services of hosts that are no devices yet: a first connection comes before other evidence of its server."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._held: Bounded[tuple[int, int], tuple[Sighted, ...]] = self.tables.add("services", Bounded(EARLY_HOSTS))

    def hold(self, seen: Sighted) -> None:
        """Remember a service until its host is a device."""
        key = seen.mac, seen.address
        held = self._held.get(key) or ()
        if len(held) < EARLY_SERVICES:
            self._held.put(key, (*held, seen))

    def take(self, mac: int, address: int) -> tuple[Sighted, ...]:
        """The remembered services of a host, which has become a device."""
        return self._held.pop((mac, address)) or ()


def is_named(service: int) -> bool:
    """Whether the port of a service has a name."""
    return service & 0xFFFF in _NAMES.get(service >> 16, ())


def service_text(service: int) -> str:
    """``ipp/631``; ``tcp/7070`` if the port has no name. The name is the one registered for the port, whatever protocol
    is in use.
    """
    proto, port = service >> 16, service & 0xFFFF
    return f"{_NAMES.get(proto, {}).get(port) or ('tcp' if proto == TCP else 'udp')}/{port}"


@functools.lru_cache(maxsize=4096)
def shared(services: tuple[int, ...]) -> tuple[int, ...]:
    """Services sorted by port, one shared object for equal ones."""
    return tuple(sorted(services, key=lambda service: (service & 0xFFFF, service >> 16)))


@functools.lru_cache(maxsize=4096)
def service_texts(services: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(map(service_text, shared(services)))
