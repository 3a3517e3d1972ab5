"""The columns that a search reads, by kind of search term."""

from __future__ import annotations

IPS = ("src_ip", "dst_ip", "ip", "assigned", "requested", "server_id", "answers", "ips")
MACS = ("src_mac", "dst_mac", "mac", "client_mac", "macs")
DEVICES = ("src_device", "dst_device", "device")
HASHES = ("ja3", "ja3s", "sha256", "hassh", "hassh_server")
JA4S = ("ja4",)
DOMAINS = ("query", "host", "sni", "answers")
FREE = (
    "user_agent", "server", "client", "user", "share", "file", "new_name", "hostname", "vendor_class", "subject",
    "issuer", "uri", "mime", "caller", "callee", "pipe", "interface", "operation", "trap", "setting", "cve", "name",
    "vendor", "model", "os", "type", "title", "message", "detector", "alert", "ja4", "query", "host", "sni",
)  # fmt: skip
# Columns that a search compares as whole values.
EXACT = frozenset((*IPS, *MACS, *DEVICES, *HASHES, *JA4S))
