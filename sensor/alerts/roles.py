"""Roles: hosts with a job that looks like an attack, set by the operator. Alerts about that job have at most low
severity, whichever detector raised them.

A role is no exemption: a scanner that writes to administrative shares is as severe as any other host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sensor.core.addresses import parse_network
from sensor.core.alert import Alert
from sensor.core.observation import Subject

SESSIONS = ("lateral_movement.fan_out", "lateral_movement.first_admin_session", "lateral_movement.hop_chain")
SWEEPS = (
    "discovery.address_scan", "discovery.slow_address_scan", "discovery.arp_scan", "discovery.icmp_sweep",
    "discovery.service_sweep", "discovery.admin_hunt", "discovery.snmp_guessing", "discovery.snmp_walk",
    "discovery.rpc_endpoint_scan",
)  # fmt: skip
# The detectors, or folders of detectors, that belong to each role.
ROLES: Mapping[str, tuple[str, ...]] = {
    "scanner": (
        "discovery.", "initial_access.", "credential_access.password_guessing", "credential_access.password_spraying",
        "credential_access.session_guessing", "credential_access.default_credentials", "lateral_movement.exploit_",
        "voice.sip_scan", "voice.registration_guessing", "printing.raw_job_abuse", "camera.",
    ),
    "monitoring": (*SWEEPS, *SESSIONS),
    "backup": (*SESSIONS, "exfiltration.bulk_upload"),
    "jump_host": SESSIONS,
    "management": (
        *SWEEPS, *SESSIONS, "discovery.smb_enumeration", "discovery.ldap_dump", "lateral_movement.admin_share",
        "lateral_movement.remote_", "lateral_movement.tool_transfer", "lateral_movement.wmi_execution",
        "lateral_movement.dcom_execution", "lateral_movement.winrm_shell", "lateral_movement.rdp_automation",
    ),
}  # fmt: skip
# Detectors whose actor is the host that began, while the host with the role is an intermediate one.
WAYS = "lateral_movement.hop_chain"


class Roles:
    """The roles of hosts: addresses and CIDR blocks by role."""

    def __init__(self, given: Mapping[str, Sequence[str]] | None = None) -> None:
        self._blocks = [(role, parse_network(block)) for role, blocks in (given or {}).items() for block in blocks]

    def job(self, alert: Alert) -> str:
        """The role that explains this finding; empty if there is none."""
        ends = (alert.actor, *alert.targets[:-1]) if alert.detector == WAYS else (alert.actor,)
        return next((role for role in self._of(ends) if alert.detector.startswith(ROLES[role])), "")

    def _of(self, ends: Iterable[Subject]) -> list[str]:
        return [role for end in ends for role, (low, high) in self._blocks if low <= end.address <= high]
