"""Shared by the Kerberos detectors: weak encryption types, and computer accounts."""

from __future__ import annotations

from sensor.core.detector import Context
from sensor.core.observation import Subject
from sensor.detectors.shared.hosts import network_of_packet
from sensor.dissectors.kerberos import KerberosError, KerberosReply, KerberosRequest

# Encryption types: AES (RFC 3962, RFC 8009), and older ones: DES, triple DES and RC4 (RFC 8429).
AES = frozenset((17, 18, 19, 20))
WEAK = frozenset((1, 2, 3, 16, 23, 24, -133, -135))
NAMES = {
    **dict.fromkeys((1, 2, 3), "DES"),
    16: "3DES",
    **dict.fromkeys((17, 19), "AES-128"),
    **dict.fromkeys((18, 20), "AES-256"),
    **dict.fromkeys((23, 24, -133, -135), "RC4"),
}


def ends(event: KerberosRequest | KerberosReply | KerberosError) -> tuple[Subject, Subject, int]:
    """(client, KDC, the client's port)."""
    packet = event.packet
    source, other = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
    return (source, other, packet.sport) if isinstance(event, KerberosRequest) else (other, source, packet.dport)


def server_port(event: KerberosRequest | KerberosReply | KerberosError) -> int:
    """The port of the KDC."""
    return event.packet.dport if isinstance(event, KerberosRequest) else event.packet.sport


def network(context: Context, event: KerberosRequest | KerberosReply | KerberosError) -> dict[str, str | int]:
    """Facts of the packet for the record."""
    return network_of_packet(context, event.packet, "kerberos", answer=not isinstance(event, KerberosRequest))


def only_weak(etypes: tuple[int, ...]) -> bool:
    """Whether a client requests encryption types older than AES only."""
    return bool(etypes) and all(etype in WEAK for etype in etypes)


def offers_aes(etypes: tuple[int, ...]) -> bool:
    return any(etype in AES for etype in etypes)


def is_machine(account: str) -> bool:
    """Computer accounts end in a dollar sign; their passwords are long and random."""
    return account.partition("@")[0].endswith("$")


def cipher(etype: int) -> str:
    return NAMES.get(etype) or f"encryption type {etype}"
