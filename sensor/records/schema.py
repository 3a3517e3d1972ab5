"""The tables of traffic records, declared once: what the writer stores, queries read, exports name and the reference
page lists.

``src`` is the side that opened the connection or asked, ``dst`` the side that answered. Times are UTC.
"""

from __future__ import annotations

from typing import NamedTuple

TIME, TEXT, LIST, INT, FLAG, SECONDS = "timestamp", "text", "list of text", "integer", "boolean", "seconds"


class Column(NamedTuple):
    """``kind``: one of the constants above. ``ecs``: the field of the Elastic Common Schema; ``zeek``: the field of
    Zeek's log; empty if neither has it.
    """

    name: str
    kind: str
    meaning: str
    ecs: str = ""
    zeek: str = ""


class Table(NamedTuple):
    """``zeek``: the log of Zeek that holds the same; ``eve``: the event type of Suricata."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    zeek: str = ""
    eve: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column | None:
        """The column of a name; None where there is none."""
        return next((column for column in self.columns if column.name == name), None)


_TS = Column("ts", TIME, "when it began", "@timestamp", "ts")
_SENSOR = (
    Column("sensor", TEXT, "which sensor saw it", "observer.name"),
    Column("site", TEXT, "where that sensor stands", "observer.geo.name"),
)
ENDS = (
    Column("vlan", INT, "802.1Q VLAN, null where untagged", "network.vlan.id", "vlan"),
    Column("src_ip", TEXT, "address of the client", "source.ip", "id.orig_h"),
    Column("src_port", INT, "its port; of ICMP the type", "source.port", "id.orig_p"),
    Column(
        "src_mac",
        TEXT,
        "its MAC on the segment: that of the router where it is not on the segment",
        "source.mac",
        "orig_l2_addr",
    ),
    Column("src_device", TEXT, "id of the device behind it, null where it is not in the inventory", "source.device.id"),
    Column("dst_ip", TEXT, "address of the server", "destination.ip", "id.resp_h"),
    Column("dst_port", INT, "its port", "destination.port", "id.resp_p"),
    Column("dst_mac", TEXT, "its MAC on the segment", "destination.mac", "resp_l2_addr"),
    Column("dst_device", TEXT, "id of the device behind it", "destination.device.id"),
    Column("proto", TEXT, "tcp, udp, icmp, or the number of the IP protocol", "network.transport", "proto"),
)
COMMON = (
    _TS,
    Column("uid", INT, "id of the connection: the same in all tables", "network.session_id", "uid"),
    *_SENSOR,
    *ENDS,
)


def _table(name: str, meaning: str, *columns: Column, zeek: str = "", eve: str = "") -> Table:
    return Table(name, meaning, (*COMMON, *columns), zeek, eve)


CONN = _table(
    "conn",
    "One row for each connection or exchange of datagrams, written when it ended.",
    Column("service", TEXT, "application protocol, recognised by content", "network.protocol", "service"),
    Column("direction", TEXT, "internal, outbound, inbound or external", "network.direction"),
    Column("duration", SECONDS, "from the first packet to the last", "event.duration", "duration"),
    Column("state", TEXT, "Zeek's state: S0, S1, SF, REJ, RSTO, RSTR, RSTOS0, SHR or OTH", "", "conn_state"),
    Column("src_bytes", INT, "bytes of the client's frames", "source.bytes", "orig_ip_bytes"),
    Column("dst_bytes", INT, "bytes of the server's frames", "destination.bytes", "resp_ip_bytes"),
    Column("src_packets", INT, "packets of the client", "source.packets", "orig_pkts"),
    Column("dst_packets", INT, "packets of the server", "destination.packets", "resp_pkts"),
    Column("sni", TEXT, "host name of the TLS or QUIC ClientHello", "tls.client.server_name"),
    Column("ja4", TEXT, "JA4 of the TLS or QUIC ClientHello", "tls.client.ja4"),
    Column(
        "end_reason",
        TEXT,
        "why the row was written: finished, reset, idle, evicted (table full) or stopped (end of capture)",
        "event.reason",
    ),
    zeek="conn",
    eve="flow",
)
DNS = _table(
    "dns",
    "One row for each query with its answer; `service` distinguishes mDNS and LLMNR. Repeats within five seconds are one row.",
    Column("service", TEXT, "dns, mdns or llmnr", "network.protocol"),
    Column("query", TEXT, "name that was asked", "dns.question.name", "query"),
    Column("qtype", TEXT, "record type", "dns.question.type", "qtype_name"),
    Column("rcode", TEXT, "response code; null where no answer was seen", "dns.response_code", "rcode_name"),
    Column("answers", LIST, "addresses and names of the answer", "dns.answers.data", "answers"),
    Column("ttl", INT, "lowest time to live of the answers, s", "dns.answers.ttl", "TTLs"),
    Column("rtt", SECONDS, "from query to answer", "event.duration", "rtt"),
    zeek="dns",
    eve="dns",
)
HTTP = _table(
    "http",
    "One row for each request with its response.",
    Column("method", TEXT, "method of the request", "http.request.method", "method"),
    Column("host", TEXT, "host that was asked", "url.domain", "host"),
    Column("uri", TEXT, "path and query, with secrets replaced by stars", "url.original", "uri"),
    Column("user_agent", TEXT, "User-Agent of the client", "user_agent.original", "user_agent"),
    Column("user", TEXT, "account, where the request shows one", "user.name", "username"),
    Column("server", TEXT, "Server of the response", "", "server"),
    Column("status", INT, "status code; null where no response was seen", "http.response.status_code", "status_code"),
    Column("content_type", TEXT, "Content-Type of the response", "http.response.mime_type", "resp_mime_types"),
    Column(
        "request_size",
        INT,
        "Content-Length of the request, null where it has none",
        "http.request.body.bytes",
        "request_body_len",
    ),
    Column("response_size", INT, "Content-Length of the response", "http.response.body.bytes", "response_body_len"),
    Column("rtt", SECONDS, "from request to response", "event.duration"),
    zeek="http",
    eve="http",
)
TLS = _table(
    "tls",
    "One row for each handshake of TLS, and for each ClientHello of QUIC.",
    Column(
        "version", TEXT, "version that the server chose; null where no ServerHello was seen", "tls.version", "version"
    ),
    Column("cipher", TEXT, "cipher suite that the server chose, as its number", "tls.cipher", "cipher"),
    Column("sni", TEXT, "host name that the client asked for", "tls.client.server_name", "server_name"),
    Column(
        "alpn",
        TEXT,
        "application protocol: that which the server chose, else the first offered",
        "tls.next_protocol",
        "next_protocol",
    ),
    Column("ja3", TEXT, "JA3 of the client", "tls.client.ja3", "ja3"),
    Column("ja4", TEXT, "JA4 of the client", "tls.client.ja4", "ja4"),
    Column("ja3s", TEXT, "JA3S of the server", "tls.server.ja3s", "ja3s"),
    Column("issuer", TEXT, "issuer of the server's certificate", "tls.server.issuer", "issuer"),
    Column("subject", TEXT, "subject of the server's certificate", "tls.server.subject", "subject"),
    Column("sha256", TEXT, "SHA-256 of the server's certificate", "tls.server.hash.sha256", "cert_chain_fps"),
    Column("not_before", TIME, "begin of its validity", "tls.server.not_before", "certificate.not_valid_before"),
    Column("not_after", TIME, "end of its validity", "tls.server.not_after", "certificate.not_valid_after"),
    Column("self_signed", FLAG, "issuer and subject are the same"),
    Column("ech", FLAG, "the ClientHello carries an encrypted one"),
    Column("quic", TEXT, "version of QUIC; null for TLS over TCP"),
    zeek="ssl",
    eve="tls",
)
AUTH = _table(
    "auth",
    "One row for each login attempt, of all protocols. Secrets are never stored.",
    Column("service", TEXT, "protocol of the login", "network.protocol", "service"),
    Column("user", TEXT, "account; null where it is not shown", "user.name", "username"),
    Column("result", TEXT, "accepted, refused, no such account, or unknown", "event.outcome", "success"),
)
SSH = _table(
    "ssh",
    "One row for each SSH connection.",
    Column("client", TEXT, "software of the client", "", "client"),
    Column("server", TEXT, "software of the server", "", "server"),
    Column("hassh", TEXT, "HASSH of the client", "", "hassh"),
    Column("hassh_server", TEXT, "HASSH of the server", "", "hasshServer"),
    zeek="ssh",
    eve="ssh",
)
SMB = _table(
    "smb",
    "One row for each operation on a share.",
    Column("operation", TEXT, "connect, open, write, rename or delete", "event.action", "action"),
    Column("share", TEXT, "name of the share", "", "path"),
    Column("file", TEXT, "file or pipe", "file.path", "name"),
    Column("new_name", TEXT, "of a rename: what it is called now", "", "prev_name"),
    Column("executable", FLAG, "of a write: the data begin like a program"),
    Column("size", INT, "of a write: its bytes", "file.size", "size"),
    zeek="smb_files",
    eve="smb",
)
SIP = _table(
    "sip",
    "One row for each request with its response.",
    Column("method", TEXT, "method of the request", "", "method"),
    Column("caller", TEXT, "address in From", "", "request_from"),
    Column("callee", TEXT, "address in To", "", "request_to"),
    Column("call_id", TEXT, "Call-ID", "", "call_id"),
    Column("user_agent", TEXT, "User-Agent of the request", "user_agent.original", "user_agent"),
    Column("server", TEXT, "Server or User-Agent of the response"),
    Column("status", INT, "status code; null where no response was seen", "", "status_code"),
    zeek="sip",
    eve="sip",
)
DHCP = _table(
    "dhcp",
    "One row for each message.",
    Column("message", TEXT, "discover, offer, request, ack, ...", "", "msg_types"),
    Column("client_mac", TEXT, "hardware address of the client", "client.mac", "mac"),
    Column("hostname", TEXT, "name that the client gives", "host.hostname", "host_name"),
    Column("vendor_class", TEXT, "vendor class of the client"),
    Column("requested", TEXT, "address that the client asks for", "", "requested_addr"),
    Column("assigned", TEXT, "address that the server gives", "", "assigned_addr"),
    Column("server_id", TEXT, "server identifier", "server.ip", "server_addr"),
    Column("lease_s", INT, "lease time, s", "", "lease_time"),
    zeek="dhcp",
    eve="dhcp",
)
DEVICE_HISTORY = Table(
    "device_history",
    "One row for each version of a device: what the inventory held about it from `ts` until `valid_to`.",
    (
        Column("ts", TIME, "since when it is so", "@timestamp", "ts"),
        Column("valid_to", TIME, "until when; null for the present version (computed when the table is read)"),
        *_SENSOR,
        Column("device", TEXT, "id of the device", "device.id"),
        Column("action", TEXT, "what became of it: new, identified, changed, gone, ...", "event.action"),
        Column("name", TEXT, "host name", "host.hostname", "host_name"),
        Column("type", TEXT, "device type; unknown where it is not identified", "host.type"),
        Column("vendor", TEXT, "vendor", "device.manufacturer"),
        Column("model", TEXT, "model", "device.model.name"),
        Column("os", TEXT, "operating system", "host.os.name"),
        Column("vlan", INT, "VLAN", "network.vlan.id"),
        Column("ips", LIST, "addresses", "host.ip"),
        Column("macs", LIST, "MACs", "host.mac"),
    ),
)
ALERT = Table(
    "alert",
    "One row for each state of an alert: it opened, changed or closed. The row with the last `ts` of an `alert` is its present state.",
    (
        Column("ts", TIME, "when", "@timestamp", "ts"),
        *_SENSOR,
        Column("alert", TEXT, "id of the alert", "event.id"),
        Column("action", TEXT, "open, update, close, ...", "event.action"),
        Column("detector", TEXT, "which detector", "rule.id", "note"),
        Column("title", TEXT, "title of the detection", "rule.name"),
        Column("severity", TEXT, "info, low, medium, high or critical", "event.severity_name"),
        Column("techniques", LIST, "MITRE ATT&CK techniques", "threat.technique.id"),
        Column("message", TEXT, "what happened", "message", "msg"),
        Column("src_ip", TEXT, "address of the actor", "source.ip", "src"),
        Column("src_device", TEXT, "its device", "source.device.id"),
        Column("dst_ip", TEXT, "address of the target", "destination.ip", "dst"),
        Column("dst_device", TEXT, "its device", "destination.device.id"),
    ),
    eve="alert",
)
COVERAGE = Table(
    "coverage",
    "What the sensor saw, and what it missed, for each interface and VLAN: one row for each span in which packets were counted.",
    (
        Column("ts", TIME, "begin of the span", "@timestamp", "ts"),
        Column("until", TIME, "end of the span", "event.end"),
        *_SENSOR,
        Column("interface", TEXT, "interface or capture file", "observer.ingress.interface.name"),
        Column("vlan", INT, "VLAN, null where untagged", "network.vlan.id"),
        Column("packets", INT, "packets seen", "network.packets"),
        Column("bytes", INT, "bytes of their frames", "network.bytes"),
        Column("lost", INT, "packets that the kernel or a full queue dropped, all VLANs of the sensor together"),
        Column("shed", INT, "messages that there was no time to read, all together"),
        Column("dropped_records", INT, "records that were dropped since the disk was too slow, all together"),
    ),
)
TABLES: dict[str, Table] = {
    table.name: table for table in (CONN, DNS, HTTP, TLS, AUTH, SSH, SMB, SIP, DHCP, DEVICE_HISTORY, ALERT, COVERAGE)
}  # fmt: skip
TRAFFIC = tuple(table for table in TABLES.values() if table.column("uid") is not None)
