"""Names of services, which are ports that answered, as ``protocol << 16 | port``."""

from __future__ import annotations

from sensor.core.ip_protocols import TCP, UDP

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


def is_named(service: int) -> bool:
    """Whether the port of a service has a name."""
    return service & 0xFFFF in _NAMES.get(service >> 16, ())


def service_text(service: int) -> str:
    """``ipp/631``; ``tcp/7070`` if the port has no name. The name is the one registered for the port, whatever protocol
    is in use.
    """
    proto, port = service >> 16, service & 0xFFFF
    return f"{_NAMES.get(proto, {}).get(port) or ('tcp' if proto == TCP else 'udp')}/{port}"


def services_at(port: int) -> tuple[str, ...]:
    """The texts that the services at a port can have."""
    return service_text(TCP << 16 | port), service_text(UDP << 16 | port)
