"""Builders of NTLM logins: a challenge and the response to it, between two hosts, inside another protocol."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.shared.ntlm_events import NtlmChallenge, NtlmLogin
from tests.detectors.stories import START, mac_of

VICTIM, MIDDLE, SERVER = "10.0.0.20", "10.0.0.66", "10.0.0.5"
PORTS = {"smb": 445, "http": 80, "ldap": 389, "rpc": 135}


def packet(at: float, source: str, other: str, carrier: str, *, answer: bool) -> Packet:
    """A packet of the server (``answer``), or of the client."""
    ports = (PORTS[carrier], 50000) if answer else (50000, PORTS[carrier])
    ends = {"src": parse(source), "dst": parse(other), "src_mac": mac_of(source), "dst_mac": mac_of(other)}
    return Packet(ts=START + int(at * SECOND), proto=6, sport=ports[0], dport=ports[1], **ends)


def challenge(at: float, client: str, server: str, nonce: str = "n1", carrier: str = "smb") -> Event:
    return NtlmChallenge(packet(at, server, client, carrier, answer=True), carrier, "FS01", "OFFICE", nonce)


def proof(
    at: float,
    client: str,
    server: str,
    proof: str = "p1",
    carrier: str = "smb",
    *,
    user: str = "anna",
    workstation: str = "WS-1",
    method: str = "ntlmv2",
) -> Event:
    return NtlmLogin(
        packet(at, client, server, carrier, answer=False), carrier, method, user, "OFFICE", workstation, proof
    )
