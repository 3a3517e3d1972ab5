"""Values that fields of devices and alerts can have. In a filter, another value is a mistake, not a search without
matches: commands, console, API and hub refuse it and name the valid ones.
"""

from __future__ import annotations

from sensor.core.device import TYPES
from sensor.core.severities import SEVERITIES

# Numbers of VLANs (IEEE 802.1Q), 0 for frames without a tag, and of ports.
VLANS = range(4095)
PORTS = range(65536)
# Detections of the operator's own rules, which may be added at any time.
CUSTOM = "custom."
KNOWN = {
    "type": tuple(TYPES),
    "severity": SEVERITIES,
    "criticality": ("critical", "high", "medium", "low", "none"),
}
# What devices call themselves, or are seen to be, in the protocols that report it.
ROLES = (
    "DNP3 outstation", "FINS server", "HART device", "IAX2 registrar", "IO controller", "IO device", "IO multidevice",
    "IO supervisor", "MQTT broker", "Modbus server", "NFS server", "PTP grandmaster", "S7 server", "SLMP server",
    "SRTP server", "access_point", "authenticator", "bridge", "call agent", "call manager", "client",
    "controlled station", "device server", "dns_server", "domain_controller", "file_server", "gatekeeper", "gateway",
    "kdc", "management controller", "memcached server", "modality", "multicast_router", "ntp_server", "print_server",
    "publisher", "querier", "randomised_mac", "receiver", "router", "server", "wireless_controller",
)  # fmt: skip
