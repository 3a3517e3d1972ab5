"""Presets: sets of detector options by name, for users who do not want to set individual thresholds. The configuration
of a detector takes precedence.

``balanced``: the defaults of the detectors. ``quiet``: for networks without daily review: fewer alerts, later and with
higher confidence. ``paranoid``: lower thresholds: more alerts, earlier, with more false positives. ``compatible``: the
thresholds that vendors of commercial sensors publish for equivalent alerts, for comparison.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Preset(NamedTuple):
    """``least``: the lowest severity that is reported; ``options``: of detectors, by id."""

    least: str
    options: dict[str, dict[str, Any]]


PRESETS = {
    "balanced": Preset("info", {}),
    "quiet": Preset(
        "medium",
        {
            "command_and_control.beaconing": {"beats": 24, "dispersion": 0.1},
            "credential_access.password_guessing": {"failures": 40, "files": 20, "databases": 5, "slow": 120},
            "credential_access.password_spraying": {"accounts": 20, "hosts": 20},
            "credential_access.session_guessing": {"sessions": 20},
            "device.new": {"learn_h": 72},
            "device.new_service": {"learn_h": 168},
            "discovery.address_scan": {
                "targets": 100,
                "fewest": 20,
                "share_inside": 0.6,
                "share_outside": 0.9,
                "certainty": 0.999,
            },
            "discovery.arp_scan": {"targets": 100, "share": 0.6},
            "discovery.distributed_scan": {"ports": 100, "sources": 10},
            "discovery.icmp_sweep": {"targets": 100},
            "discovery.name_query_burst": {"names": 60, "slow_names": 100},
            "discovery.port_scan": {"ports": 50, "slow_ports": 100, "share": 0.7},
            "exfiltration.bulk_upload": {"device_mb": 500, "least_mb": 5000},
            "discovery.service_sweep": {"hosts": 30},
            "discovery.slow_address_scan": {"ten_minutes": 100, "hour": 150, "day": 200},
            "discovery.snmp_guessing": {"communities": 10, "agents": 40},
            "impact.flood": {"flows": 10000, "sources": 80},
            "impact.mass_file_change": {"renames": 200, "changes": 800},
            "initial_access.web_scan": {"missing": 40, "sensitive": 6},
            "lateral_movement.fan_out": {"targets": 10},
            "lateral_movement.first_admin_session": {"learn_h": 72},
            "lateral_movement.role_violation": {"learn_h": 168},
            "voice.registration_guessing": {"failures": 16, "slow": 80},
            "voice.sip_scan": {"targets": 20, "share": 0.7},
        },
    ),
    "paranoid": Preset(
        "info",
        {
            "command_and_control.beaconing": {"beats": 8, "dispersion": 0.2},
            "command_and_control.malicious_address": {"again_s": 3600},
            "device.http_errors": {"enabled": True},
            "device.rpc_errors": {"enabled": True},
            "device.silent_channel": {"enabled": True},
            "exfiltration.bulk_upload": {"device_mb": 20, "least_mb": 200, "deviations": 4.0},
            "credential_access.password_guessing": {"failures": 10, "files": 6, "slow": 30},
            "credential_access.password_spraying": {"accounts": 5, "hosts": 5},
            "credential_access.session_guessing": {"sessions": 6},
            "device.configuration_changed": {"enabled": True},
            "device.new": {"learn_h": 12, "randomised": True},
            "device.new_service": {"learn_h": 24},
            "discovery.address_scan": {
                "targets": 25,
                "window_s": 300,
                "fewest": 6,
                "share_inside": 0.25,
                "certainty": 0.95,
            },
            "discovery.arp_scan": {"targets": 20, "share": 0.25},
            "discovery.distributed_scan": {"ports": 25, "sources": 3},
            "discovery.icmp_sweep": {"targets": 25},
            "discovery.name_query_burst": {"names": 15, "slow_names": 25},
            "discovery.port_scan": {"ports": 12, "window_s": 300, "slow_ports": 25, "share": 0.3},
            "discovery.service_sweep": {"hosts": 8},
            "discovery.slow_address_scan": {"ten_minutes": 25, "hour": 40, "day": 60},
            "discovery.snmp_guessing": {"communities": 3, "agents": 10},
            "impact.flood": {"flows": 1000, "sources": 20},
            "impact.mass_file_change": {"renames": 50, "changes": 200},
            "initial_access.web_scan": {"missing": 10, "sensitive": 2},
            "lateral_movement.admin_from_device": {"again_s": 3600},
            "lateral_movement.fan_out": {"targets": 3},
            "lateral_movement.first_admin_session": {"learn_h": 12},
            "lateral_movement.role_violation": {"learn_h": 24},
            "posture.insecure_service": {"enabled": True},
            "voice.registration_guessing": {"failures": 5, "slow": 20},
            "voice.sip_scan": {"targets": 5, "share": 0.3},
        },
    ),
    "compatible": Preset(
        "info",
        {
            "credential_access.password_guessing": {
                "failures": 20,
                "window_s": 60,
                "files": 10,
                "files_s": 600,
                "databases": 2,
                "databases_s": 300,
            },
            "device.dhcp_failure": {"tries": 8, "window_s": 300},
            "device.malformed_traffic": {"messages": 5, "window_s": 600},
            "device.new": {"learn_h": 24, "randomised": True},
            "device.unresponsive": {"tries": 8, "window_s": 300},
            "discovery.address_scan": {"targets": 50, "window_s": 120},
            "discovery.arp_scan": {"targets": 40, "window_s": 360},
            "discovery.name_query_burst": {"names": 25, "window_s": 60},
            "discovery.port_scan": {"ports": 25, "window_s": 120, "slow_ports": 50, "slow_window_s": 3600},
            "discovery.slow_address_scan": {"ten_minutes": 50, "day": 100},
            "exfiltration.bulk_upload": {"device_mb": 100},
            "impact.dhcp_starvation": {"clients": 100, "window_s": 60},
            "impact.flood": {"flows": 3000},
        },
    ),
}
