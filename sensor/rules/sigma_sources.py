"""Sigma log sources about networks, and the mapping of their fields. Names are those of Sigma's taxonomy and of Zeek
logs.
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """``when``: the watched kind; ``fields``: Sigma name → our name; ``actor``: the acting end."""

    when: str
    fields: dict[str, str]
    actor: str = "src"


# Names of record types in logs → their numbers (RFC 1035 and others).
RECORD_TYPES = {
    "a": 1, "ns": 2, "cname": 5, "soa": 6, "null": 10, "ptr": 12, "mx": 15, "txt": 16, "aaaa": 28, "srv": 33,
    "naptr": 35, "any": 255, "axfr": 252, "ixfr": 251,
}  # fmt: skip
RESPONSE_CODES = {"noerror": 0, "formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5}
# Fields whose text values are numbers in the sensor.
NUMBERED = {"qtype_name": RECORD_TYPES, "record_type": RECORD_TYPES, "rcode_name": RESPONSE_CODES}

_SRC = dict.fromkeys(("id.orig_h", "src_ip", "SourceIp", "c-ip"), "src")
_DST = dict.fromkeys(("id.resp_h", "dst_ip", "DestinationIp", "r-ip", "s-ip"), "dst")
_PORTS = {
    **dict.fromkeys(("id.orig_p", "src_port", "SourcePort"), "src.port"),
    **dict.fromkeys(("id.resp_p", "dst_port", "DestinationPort"), "dst.port"),
}
_ENDS = {**_SRC, **_DST, **_PORTS}
_SWAP = {"src": "dst", "dst": "src", "src.port": "dst.port", "dst.port": "src.port"}
_BACK = {name: _SWAP[field] for name, field in _ENDS.items()}

_DNS = {
    **dict.fromkeys(("query", "QueryName"), "name"),
    **dict.fromkeys(("qtype", "qtype_name", "record_type"), "type"),
}
_ANSWERS = {
    **dict.fromkeys(("answers", "answer", "QueryResults"), "answers"),
    **dict.fromkeys(("rcode", "rcode_name", "QueryStatus"), "rcode"),
}
_PATH = dict.fromkeys(
    ("uri", "c-uri", "cs-uri-stem", "c-uri-query", "cs-uri-query", "c-uri-extension", "c-uri-stem"), "path"
)
# Fields that are part of a path → operator → the expression that a path meets, with the value in place of {}. Rules for
# servers mean the whole path by its query, too. Other operators on a query or stem mean the same on the path.
_QUERY = {"is": r"(?:^|\?){}$", "begins": r"(?:^|\?){}"}
_STEM = {"is": r"^{}(?:\?|$)", "ends": r"{}(?:\?|$)"}
PARTS = {
    "c-uri-extension": {"is": r"\.{}(?:\?|$)"},
    **dict.fromkeys(("c-uri-query", "cs-uri-query"), _QUERY),
    **dict.fromkeys(("c-uri-stem", "cs-uri-stem"), _STEM),
}
_HTTP = {
    **_PATH, **dict.fromkeys(("host", "cs-host", "r-dns"), "host"), **dict.fromkeys(("method", "cs-method"), "method"),
    **dict.fromkeys(("user_agent", "c-useragent", "cs-user-agent", "c-user-agent"), "user_agent"),
}  # fmt: skip
_STATUS = {
    **_PATH,
    **dict.fromkeys(("method", "cs-method"), "method"),
    **dict.fromkeys(("status_code", "sc-status"), "status"),
}
_FLOW = {**_ENDS, **dict.fromkeys(("proto", "protocol"), "proto")}
_ENDED = {
    **_FLOW, "duration": "duration_s", **dict.fromkeys(("orig_bytes", "orig_ip_bytes"), "src.bytes"),
    **dict.fromkeys(("resp_bytes", "resp_ip_bytes"), "dst.bytes"), "orig_pkts": "src.packets",
    "resp_pkts": "dst.packets",
}  # fmt: skip

_OF_DNS = (Source("dns.query", {**_ENDS, **_DNS}), Source("dns.response", {**_BACK, **_DNS, **_ANSWERS}, "dst"))
_OF_HTTP = (Source("http.request", {**_ENDS, **_HTTP}), Source("http.response", {**_BACK, **_STATUS}, "dst"))
_OF_FLOWS = (Source("flow.new", _FLOW), Source("flow.ended", _ENDED))

# (category, product, service), each empty if a rule has none: candidates, of which the first with all fields of the
# rule is used.
SOURCES: dict[tuple[str, str, str], tuple[Source, ...]] = {
    ("dns", "", ""): _OF_DNS,
    ("", "zeek", "dns"): _OF_DNS,
    ("proxy", "", ""): _OF_HTTP,
    ("webserver", "", ""): _OF_HTTP,
    ("", "zeek", "http"): _OF_HTTP,
    ("firewall", "", ""): _OF_FLOWS,
    ("", "zeek", "conn"): _OF_FLOWS,
    ("", "zeek", "ssl"): (Source("tls.client_hello", {**_ENDS, "server_name": "sni", "ja3": "ja3", "ja4": "ja4"}),),
    ("", "zeek", "x509"): (
        Source("tls.certificate", {**_BACK, "certificate.subject": "subject", "certificate.issuer": "issuer"}),
    ),
    ("", "zeek", "smb_files"): (Source("smb.create", {**_ENDS, "name": "name", "path": "share"}),),
    ("", "zeek", "smb_mapping"): (Source("smb.tree_connect", {**_ENDS, "path": "path"}),),
    ("", "zeek", "dce_rpc"): (
        Source("rpc.call", {**_ENDS, "endpoint": "interface", "operation": "call", "named_pipe": "pipe"}),
    ),
}


def sources_of(category: str | None, product: str | None, service: str | None) -> tuple[Source, ...]:
    """Candidates for a log source; empty if it is not about networks, or unknown. Products that are not listed are
    ignored.
    """
    found = SOURCES.get((category or "", product or "", service or ""))
    return found or SOURCES.get((category or "", "", ""), ()) if category else found or ()
