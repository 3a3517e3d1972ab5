"""Real programs, captured in namespaces (pcaps/lab): each attack raises an alert with technique and actor, its benign
twin raises none. Unless the run is a full one, some of the captures are replayed (tests/sampling.py).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from sensor.capture.files import open_captures
from sensor.config import Config, load_config
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests import sampling

LAB = Path(__file__).parents[2] / "pcaps" / "lab"
SIZE = 300_000
SEVERE = ("medium", "high", "critical")
ATTACKER, CAMERA = "10.20.10.66", "10.20.10.62"
# capture, detector, technique, actor
ATTACKS = (
    ("nmap_connect", "discovery.port_scan", "T1046", ATTACKER),
    ("nmap_syn", "discovery.port_scan", "T1046", ATTACKER),
    ("nmap_ping", "discovery.arp_scan", "T1018", ATTACKER),
    ("nmap_ping_far", "discovery.icmp_sweep", "T1018", ATTACKER),
    ("nmap_sweep", "discovery.address_scan", "T1018", ATTACKER),
    ("nmap_sweep", "discovery.service_sweep", "T1046", ATTACKER),
    ("nmap_version", "discovery.scanner_tool", "T1595", ATTACKER),
    ("nmap_version", "initial_access.web_scan", "T1595.002", ATTACKER),
    ("nmap_system", "discovery.os_fingerprint", "T1046", ATTACKER),
    ("nmap_null", "discovery.os_fingerprint", "T1046", ATTACKER),
    ("arp_scan", "discovery.arp_scan", "T1018", ATTACKER),
    ("arp_spoof", "credential_access.arp_spoofing", "T1557.002", ATTACKER),
    ("arp_ettercap", "credential_access.arp_spoofing", "T1557.002", ATTACKER),
    ("dhcp_rogue", "credential_access.rogue_dhcp", "T1557.003", ATTACKER),
    ("poisoned_names", "credential_access.name_poisoning", "T1557.001", ATTACKER),
    ("guessing_ssh", "credential_access.session_guessing", "T1110.001", ATTACKER),
    ("guessing_ssh", "credential_access.guessed_password", "T1110", ATTACKER),
    ("guessing_ftp", "credential_access.password_guessing", "T1110.001", ATTACKER),
    ("guessing_ftp", "credential_access.guessed_password", "T1110", ATTACKER),
    ("guessing_telnet", "credential_access.password_guessing", "T1110.001", ATTACKER),
    ("vpn_passwords", "credential_access.vpn_guessing", "T1110.001", ATTACKER),
    ("vpn_groups", "credential_access.vpn_guessing", "T1110.001", ATTACKER),
    ("sip_scan", "voice.sip_scan", "T1595", ATTACKER),
    ("sip_extensions", "voice.sip_scan", "T1595", ATTACKER),
    ("sip_password", "voice.registration_guessing", "T1110", ATTACKER),
    ("sip_password", "credential_access.guessed_password", "T1110", ATTACKER),
    ("tunnel_dns", "command_and_control.dns_tunnel", "T1071.004", ATTACKER),
    ("tunnel_icmp", "command_and_control.icmp_tunnel", "T1095", ATTACKER),
    ("rdp_typed", "lateral_movement.rdp_automation", "T1021.001", ATTACKER),
    ("mining_tls", "command_and_control.mining", "T1496", ATTACKER),
    ("botnet_loader", "command_and_control.botnet_loader", "T1105", CAMERA),
    ("botnet_spray", "command_and_control.botnet_loader", "T1110", CAMERA),
    ("windows_psexec", "lateral_movement.remote_service", "T1021.002", ATTACKER),
    ("windows_smbexec", "lateral_movement.remote_service", "T1543.003", ATTACKER),
    ("windows_service", "lateral_movement.remote_service", "T1543.003", ATTACKER),
    ("windows_registry", "lateral_movement.remote_registry", "T1112", ATTACKER),
    ("windows_secrets", "credential_access.remote_hive", "T1003.002", ATTACKER),
    ("windows_kerberoast", "credential_access.kerberoasting", "T1558.003", ATTACKER),
    ("windows_replication", "credential_access.dcsync", "T1003.006", ATTACKER),
    ("windows_transfer", "lateral_movement.tool_transfer", "T1570", ATTACKER),
    ("upload_http", "exfiltration.stolen_data", "T1048.003", ATTACKER),
    ("upload_rsync", "exfiltration.stolen_data", "T1048.003", ATTACKER),
    ("reset_tcpkill", "impact.reset_injection", "T1499", ATTACKER),
    ("pivot_socks", "command_and_control.internal_proxy", "T1090.001", ATTACKER),
    ("pivot_forward", "credential_access.ntlm_relay", "T1090.001", "10.20.10.40"),
    ("devices_snmp", "discovery.snmp_guessing", "T1110.001", ATTACKER),
    ("devices_snmp", "discovery.snmp_guessing", "T1078", ATTACKER),
    ("devices_printer", "printing.raw_job_abuse", "T1005", ATTACKER),
    ("devices_camera", "camera.unauthenticated_stream", "T1125", "203.0.113.80"),
    ("devices_exchange", "voice.toll_fraud", "T1496", "203.0.113.80"),
    ("botnet_spray", "discovery.address_scan", "T1046", CAMERA),
    ("botnet_spray", "lateral_movement.fan_out", "T1021", CAMERA),
    ("botnet_spray", "command_and_control.botnet_loader", "T1110", CAMERA),
    ("botnet_loader", "command_and_control.botnet_loader", "T1105", "203.0.113.80"),
    ("botnet_loader", "exposure.inbound_from_internet", "T1133", "203.0.113.80"),
    ("botnet_loader", "credential_access.default_credentials", "T1078.001", "203.0.113.80"),
    ("botnet_loader", "lateral_movement.tool_transfer", "T1105", CAMERA),
)
# Reconnaissance alone has low severity, and so has a port mapping, which many devices request.
MILD = (
    ("port_mapping_upnp", "command_and_control.port_mapping", "T1133", CAMERA),
    ("windows_enumeration", "discovery.smb_enumeration", "T1087.002", ATTACKER),
    ("pivot_encrypted", "lateral_movement.remote_service", "T1021.002", ATTACKER),
)
DRAWN = set(sampling.drawn(sorted({name for name, *_ in ATTACKS}), 10, "recordings of attacks"))
# capture -> the roles that the operator set
BENIGN = {
    "backup": {"backup": ["10.20.10.9"]},
    "files": {},
    "jump_host": {"jump_host": ["10.20.10.9"]},
    "monitoring": {},
    "printing": {},
    "remote_desktop": {},
    "resolver": {},
    "scanner": {"scanner": ["10.20.10.8"]},
    "updates": {},
    "video_call": {},
}


def replay(path: Path, config: Config) -> list[Record]:
    """The records of a capture; no unit fails."""
    reported: list[Record] = []
    pipeline, source = assemble(config, reported.append), open_captures([str(path)])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    assert source.unreadable == []
    assert [(fault.unit, fault.error, fault.place) for fault in pipeline.boundary.faults.values()] == []
    return [record for record in reported if record.kind == "alert"]


@functools.cache
def attack(name: str) -> list[Record]:
    return replay(LAB / "attacks" / f"{name}.pcap", load_config(None))


def actor(record: Record) -> Any:
    return (record.src or {}).get("ip")


def matching(name: str, detector: str, technique: str) -> list[Record]:
    found = [record for record in attack(name) if record.alert["detector"] == detector]
    return [record for record in found if technique in {each["technique"] for each in record.alert["attack"]}]


def test_every_recording_is_evaluated() -> None:
    """Each is small, and is in one of the tables."""
    attacks, benign = sorted((LAB / "attacks").glob("*.pcap")), sorted((LAB / "benign").glob("*.pcap"))
    assert {path.stem for path in attacks} == {name for name, *_ in (*ATTACKS, *MILD)}
    assert {path.stem for path in benign} == BENIGN.keys()
    assert [path.name for path in (*attacks, *benign) if path.stat().st_size > SIZE] == []


@pytest.mark.parametrize(
    ("name", "detector", "technique", "who"),
    [one for one in ATTACKS if one[0] in DRAWN],
    ids=lambda value: value.rpartition(".")[2],
)
def test_an_attack_is_reported(name: str, detector: str, technique: str, who: str) -> None:
    """The alert has the detector, technique and actor, and at least medium severity."""
    found = matching(name, detector, technique)
    assert found, [record.msg for record in attack(name)]
    assert any(who == actor(record) and record.severity in SEVERE for record in found), [
        (record.severity, record.msg) for record in found
    ]


@pytest.mark.parametrize(("name", "detector", "technique", "who"), MILD, ids=lambda value: value.rpartition(".")[2])
def test_what_may_be_ordinary_is_reported_mildly(name: str, detector: str, technique: str, who: str) -> None:
    """It has technique and actor, and low severity."""
    found = matching(name, detector, technique)
    assert {actor(record) for record in found} == {who}
    assert [record.msg for record in found if record.severity in SEVERE] == []


@pytest.mark.parametrize("name", sorted(BENIGN))
def test_a_benign_twin_is_no_alarm(name: str) -> None:
    """There is no alert of medium or above, with the roles that the operator set."""
    config = Config.model_validate({"roles": BENIGN[name]})
    severe = [record for record in replay(LAB / "benign" / f"{name}.pcap", config) if record.severity in SEVERE]
    assert [(record.severity, record.msg) for record in severe] == []


def test_without_its_role_a_scanner_is_an_attacker() -> None:
    """The roles make the difference, not the traffic."""
    found = replay(LAB / "benign" / "scanner.pcap", load_config(None))
    assert {"discovery.port_scan", "discovery.os_fingerprint"} <= {
        record.alert["detector"] for record in found if record.severity in SEVERE
    }
