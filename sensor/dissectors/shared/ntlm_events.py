"""NTLM events ([MS-NLMP]) of every carrier protocol: challenges and the logins that answer them. Challenges and proofs
are stored as hashes, for comparison only.
"""

from __future__ import annotations

from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared import ntlm


class NtlmChallenge(Event):
    """A server asks for a proof. ``carrier``: the protocol around it (``smb``, ``http``, ``ldap``, ``rpc``); ``nonce``:
    a hash of the number it asks about.
    """

    carrier: str
    computer: str
    domain: str
    nonce: str


class NtlmLogin(Event):
    """A client proves who it is. ``method``: as in NTLM (``ntlmv2``, ``ntlmv1``, ``ntlmv1-ess``, ``lm``,
    ``anonymous``); ``proof``: a hash of its answer.
    """

    carrier: str
    method: str
    user: str
    domain: str
    workstation: str
    proof: str


def ntlm_events(packet: Packet, carrier: str, message: ntlm.Message | None) -> list[NtlmChallenge | NtlmLogin]:
    """The event of a message, if it has one."""
    if isinstance(message, ntlm.Challenge):
        return [NtlmChallenge(packet, carrier, message.computer, message.domain, message.nonce)]
    if isinstance(message, ntlm.Login):
        return [
            NtlmLogin(packet, carrier, message.method, message.user, message.domain, message.workstation, message.proof)
        ]
    return []
