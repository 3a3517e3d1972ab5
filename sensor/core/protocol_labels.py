"""Names of protocols in sentences: ``Kerberos`` for the dissector ``kerberos``; most are abbreviations."""

from __future__ import annotations

LABELS = {
    "bacnet": "BACnet",
    "baichuan": "Baichuan",
    "crestron": "Crestron",
    "dcerpc": "DCE/RPC",
    "dhcpv6": "DHCPv6",
    "dropbox": "Dropbox",
    "edimax": "Edimax",
    "enip": "EtherNet/IP",
    "fox": "Fox",
    "hart": "HART-IP",
    "hart_ip": "HART-IP",
    "iec104": "IEC 104",
    "isakmp": "IKE",
    "iscsi": "iSCSI",
    "kasa": "Kasa",
    "kerberos": "Kerberos",
    "lantronix": "Lantronix",
    "mdns": "mDNS",
    "memcached": "memcached",
    "modbus": "Modbus",
    "mongodb": "MongoDB",
    "moxa": "Moxa",
    "mysql": "MySQL",
    "opcua": "OPC UA",
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "rsync": "rsync",
    "s7comm": "S7comm",
    "service_api": "HTTP",
    "stratum": "Stratum",
    "telnet": "Telnet",
    "tuya": "Tuya",
}


def protocol_label(name: str) -> str:
    """The name of the protocol of a dissector."""
    return LABELS.get(name) or name.upper()
