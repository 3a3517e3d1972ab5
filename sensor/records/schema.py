"""The tables of traffic records, declared once: used by the writer, queries, exports and the reference page.

``src`` is the side that opened the connection or sent the request, ``dst`` the other side. Times are UTC.
"""

from __future__ import annotations

from sensor.records.schema_state import (
    ALERT,
    ALERT_ENTITY,
    ALERT_FLOW,
    COVERAGE,
    DEVICE_HISTORY,
    RECOMMENDATION,
    VULNERABILITY,
)
from sensor.records.schema_types import COMMON, ENDS, FLAG, INT, LIST, NUMBER, SECONDS, TEXT, TIME, Column, Table

__all__ = [
    "ALERT", "ALERT_ENTITY", "ALERT_FLOW", "COMMON", "COVERAGE", "DEVICE_HISTORY", "ENDS", "FLAG", "INT", "LIST",
    "NUMBER", "RECOMMENDATION", "SECONDS", "TABLES", "TEXT", "TIME", "TRAFFIC", "VULNERABILITY", "Column", "Table",
]  # fmt: skip


def _table(
    name: str, meaning: str, *columns: Column, zeek: str = "", eve: str = "", hidden: tuple[Column, ...] = ()
) -> Table:
    return Table(name, meaning, (*COMMON, *columns), zeek, eve, hidden=hidden)


CONN = _table(
    "conn",
    (
        "One row for each connection or exchange of datagrams, written when it ended. Without packets a connection is "
        "idle after 900 s, other exchanges after 120 s, without an answer after 30 s, and pings after 8 s."
    ),
    Column("service", TEXT, "application protocol, recognised by content", "network.protocol", "service"),
    Column("direction", TEXT, "internal, outbound, inbound or external", "network.direction"),
    Column("duration", SECONDS, "from the first to the last packet", "event.duration", "duration"),
    Column(
        "state",
        TEXT,
        "Zeek's state: S0, S1, S2, S3, SF, REJ, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH",
        "",
        "conn_state",
    ),
    Column(
        "history",
        TEXT,
        "Zeek's letters in the order of their first packets, upper case for the client: S SYN, H "
        "SYN-ACK, A pure ACK, D data, F FIN,"
        " R RST, G gap; null for protocols without one",
        "",
        "history",
    ),
    Column("src_bytes", INT, "bytes of the client's frames", "source.bytes", "orig_ip_bytes"),
    Column("dst_bytes", INT, "bytes of the server's frames", "destination.bytes", "resp_ip_bytes"),
    Column("src_packets", INT, "packets of the client", "source.packets", "orig_pkts"),
    Column("dst_packets", INT, "packets of the server", "destination.packets", "resp_pkts"),
    Column(
        "src_payload",
        INT,
        "payload of the client; of TCP by sequence numbers, uncaptured bytes included",
        "",
        "orig_bytes",
    ),
    Column("dst_payload", INT, "payload of the server", "", "resp_bytes"),
    Column("missed_bytes", INT, "of TCP: bytes missing in the capture (Zeek: missed_bytes)", "", "missed_bytes"),
    Column("sni", TEXT, "host name of the TLS or QUIC ClientHello", "tls.client.server_name"),
    Column("ja4", TEXT, "JA4 of the TLS or QUIC ClientHello", "tls.client.ja4"),
    Column(
        "community_id",
        TEXT,
        "Community ID, version 1: the same in both directions and in other tools",
        "network.community_id",
        "community_id",
        derived=True,
    ),
    Column("alert_ids", LIST, "alerts with this connection in their evidence", derived=True),
    Column(
        "end_reason",
        TEXT,
        "why the row was written: finished, reset, idle, evicted (table full) or stopped (end of capture)",
        "event.reason",
    ),
    Column(
        "src_country",
        TEXT,
        "country of the client, ISO 3166-1; null if no database of `records.geoip` contains it",
        "source.geo.country_iso_code",
    ),
    Column("src_asn", INT, "number of its autonomous system; null as above", "source.as.number"),
    Column("src_as_org", TEXT, "organization of that system", "source.as.organization.name"),
    Column("dst_country", TEXT, "country of the server", "destination.geo.country_iso_code"),
    Column("dst_asn", INT, "number of its autonomous system", "destination.as.number"),
    Column("dst_as_org", TEXT, "organization of that system", "destination.as.organization.name"),
    zeek="conn",
    eve="flow",
    hidden=(Column("community_hash", INT, "first 8 bytes of the SHA-1 in the Community ID, as a signed number"),),
)
DNS = _table(
    "dns",
    (
        "One row for each query with its answer; `service` distinguishes mDNS and LLMNR. Repeats within "
        "five seconds are one row."
    ),
    Column("service", TEXT, "dns, mdns or llmnr", "network.protocol"),
    Column("query", TEXT, "queried name", "dns.question.name", "query"),
    Column("qtype", TEXT, "record type", "dns.question.type", "qtype_name"),
    Column("rcode", TEXT, "response code; null if no answer was seen", "dns.response_code", "rcode_name"),
    Column("answers", LIST, "addresses and names of the answer", "dns.answers.data", "answers"),
    Column("ttl", INT, "lowest TTL of the answers, s", "dns.answers.ttl", "TTLs"),
    Column("rtt", SECONDS, "from query to answer", "event.duration", "rtt"),
    zeek="dns",
    eve="dns",
)
HTTP = _table(
    "http",
    "One row for each request with its response.",
    Column("method", TEXT, "method of the request", "http.request.method", "method"),
    Column("host", TEXT, "requested host", "url.domain", "host"),
    Column("uri", TEXT, "path and query, with secrets replaced by stars", "url.original", "uri"),
    Column("user_agent", TEXT, "User-Agent of the client", "user_agent.original", "user_agent"),
    Column("user", TEXT, "account, if the request contains one", "user.name", "username"),
    Column("server", TEXT, "Server of the response", "", "server"),
    Column("status", INT, "status code; null if no response was seen", "http.response.status_code", "status_code"),
    Column("content_type", TEXT, "Content-Type of the response", "http.response.mime_type", "resp_mime_types"),
    Column(
        "request_size",
        INT,
        "Content-Length of the request, null if it has none",
        "http.request.body.bytes",
        "request_body_len",
    ),
    Column("response_size", INT, "Content-Length of the response", "http.response.body.bytes", "response_body_len"),
    Column(
        "sha256",
        TEXT,
        "SHA-256 of the response's content; null if it was not seen completely within ten seconds, see `files`",
        "http.response.body.hash.sha256",
    ),
    Column("rtt", SECONDS, "from request to response", "event.duration"),
    zeek="http",
    eve="http",
)
TLS = _table(
    "tls",
    "One row for each handshake of TLS, and for each ClientHello of QUIC.",
    Column("version", TEXT, "version that the server chose; null if no ServerHello was seen", "tls.version", "version"),
    Column("cipher", TEXT, "cipher suite that the server chose, as its number", "tls.cipher", "cipher"),
    Column("sni", TEXT, "host name that the client requested", "tls.client.server_name", "server_name"),
    Column(
        "alpn",
        TEXT,
        "application protocol: the one that the server chose, else the first offered",
        "tls.next_protocol",
        "next_protocol",
    ),
    Column("ja3", TEXT, "JA3 of the client", "tls.client.ja3", "ja3"),
    Column("ja4", TEXT, "JA4 of the client", "tls.client.ja4", "ja4"),
    Column("ja3s", TEXT, "JA3S of the server", "tls.server.ja3s", "ja3s"),
    Column("issuer", TEXT, "issuer of the server's certificate", "tls.server.issuer", "issuer"),
    Column("subject", TEXT, "subject of the server's certificate", "tls.server.subject", "subject"),
    Column("sha256", TEXT, "SHA-256 of the server's certificate", "tls.server.hash.sha256", "cert_chain_fps"),
    Column("not_before", TIME, "start of its validity", "tls.server.not_before", "certificate.not_valid_before"),
    Column("not_after", TIME, "end of its validity", "tls.server.not_after", "certificate.not_valid_after"),
    Column("self_signed", FLAG, "issuer and subject are the same"),
    Column("resumed", FLAG, "the server resumed an earlier session, without a certificate", "tls.resumed", "resumed"),
    Column("ech", FLAG, "the ClientHello contains an encrypted ClientHello (ECH)"),
    Column("quic", TEXT, "version of QUIC; null for TLS over TCP"),
    zeek="ssl",
    eve="tls",
)
AUTH = _table(
    "auth",
    "One row for each login attempt, of all protocols. Secrets are never stored.",
    Column("service", TEXT, "protocol of the login", "network.protocol", "service"),
    Column("user", TEXT, "account; null if it was not seen", "user.name", "username"),
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
    Column("new_name", TEXT, "of a rename: the new name", "", "prev_name"),
    Column("executable", FLAG, "of a write: the data begin like an executable"),
    Column("size", INT, "of a write: number of bytes", "file.size", "size"),
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
    Column("status", INT, "status code; null if no response was seen", "", "status_code"),
    zeek="sip",
    eve="sip",
)
DHCP = _table(
    "dhcp",
    "One row for each message.",
    Column("message", TEXT, "discover, offer, request, ack, ...", "", "msg_types"),
    Column("client_mac", TEXT, "hardware address of the client", "client.mac", "mac"),
    Column("hostname", TEXT, "host name that the client sends", "host.hostname", "host_name"),
    Column("vendor_class", TEXT, "vendor class of the client"),
    Column("requested", TEXT, "address that the client requests", "", "requested_addr"),
    Column("assigned", TEXT, "address that the server assigns", "", "assigned_addr"),
    Column("server_id", TEXT, "server identifier", "server.ip", "server_addr"),
    Column("lease_s", INT, "lease time, s", "", "lease_time"),
    zeek="dhcp",
    eve="dhcp",
)
RPC = _table(
    "rpc",
    "One row for each call of DCE/RPC with its answer, over TCP and through pipes of SMB.",
    Column("pipe", TEXT, "named pipe of SMB; null over TCP", "", "named_pipe"),
    Column("interface", TEXT, "name of the interface, or its UUID; null if unknown", "", "endpoint"),
    Column("operation", TEXT, "name of the call; null if unknown", "event.action", "operation"),
    Column("opnum", INT, "number of the call"),
    Column("protection", TEXT, "none, connect, call, packet, integrity or privacy (encrypted)"),
    Column("arguments", LIST, "texts in the arguments, of calls for which detectors need them"),
    Column("fault", FLAG, "the call failed; null if no answer was seen"),
    Column("status", INT, "return value, or the fault; null if not readable"),
    Column("rtt", SECONDS, "from call to answer", "event.duration", "rtt"),
    zeek="dce_rpc",
    eve="dcerpc",
)
SNMP = _table(
    "snmp",
    (
        "One row for each request with its response, and for each trap. Communities are never stored, "
        "except the well-known ones."
    ),
    Column("version", TEXT, "1, 2c or 3", "", "version"),
    Column("community", TEXT, "public, private or other; null in version 3", "", "community"),
    Column("user", TEXT, "user of version 3", "user.name"),
    Column("security", TEXT, "of version 3: none, authenticated or private"),
    Column("operation", TEXT, "get, get_next, get_bulk, set, trap, inform or encrypted", "event.action"),
    Column("variables", LIST, "the first 16 object identifiers"),
    Column("trap", TEXT, "of a trap: its name or object identifier"),
    Column("status", TEXT, "of the response: no_error or the error; null if no response was seen", "event.outcome"),
    Column("rtt", SECONDS, "from request to response", "event.duration"),
    zeek="snmp",
    eve="snmp",
)
RTSP = _table(
    "rtsp",
    "One row for each request with its response.",
    Column("method", TEXT, "method of the request", "event.action"),
    Column("uri", TEXT, "address of the stream, without credentials", "url.original"),
    Column("user_agent", TEXT, "User-Agent of the request", "user_agent.original"),
    Column("user", TEXT, "account, if the request contains one", "user.name"),
    Column("server", TEXT, "Server of the response"),
    Column("status", INT, "status code; null if no response was seen"),
    Column("rtt", SECONDS, "from request to response", "event.duration"),
)
FILES = _table(
    "files",
    (
        "One row for each file that was transferred by HTTP, FTP, TFTP, SMB or mail (SMTP): bodies, messages, "
        "attachments, and data read from or written to a file on a share. Forms, JSON and XML that clients send are "
        "not included."
    ),
    Column("service", TEXT, "http, ftp, tftp, smb or smtp", "network.protocol", "source"),
    Column("sender", TEXT, "sender: client or server", "", "is_orig"),
    Column("name", TEXT, "name without path; null if it has none", "file.name", "filename"),
    Column("mime", TEXT, "media type that the sender declares", "file.mime_type", "mime_type"),
    Column("size", INT, "bytes seen, after decompression", "file.size", "seen_bytes"),
    Column("sha256", TEXT, "SHA-256; null if it was not seen completely", "file.hash.sha256", "sha256"),
    Column(
        "state",
        TEXT,
        (
            "whole; or the reason for a missing hash: gap (bytes missing in the capture), cut off (ended "
            "early), partial (a range of it), large (more than 32 MiB), encoded (unsupported compression), "
            "busy (more than 8 MiB/s to hash)"
        ),
    ),
    zeek="files",
    eve="fileinfo",
)
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CONN, DNS, HTTP, TLS, AUTH, SSH, SMB, FILES, RPC, SIP, RTSP, SNMP, DHCP, DEVICE_HISTORY, ALERT, ALERT_ENTITY,
        ALERT_FLOW, RECOMMENDATION, VULNERABILITY, COVERAGE,
    )
}  # fmt: skip
TRAFFIC = tuple(table for table in TABLES.values() if set(COMMON) <= set(table.columns))
