"""NTLM events ([MS-NLMP]) of all carrier protocols: challenges and the logins in response. Challenges and proofs are
stored as hashes, for comparison only.
"""

from __future__ import annotations

from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared import ntlm


class NtlmChallenge(Event):
    """A server's challenge. ``carrier``: the carrier protocol (``smb``, ``http``, ``ldap``, ``rpc``); ``nonce``: a hash
    of the challenge.
    """

    carrier: str
    computer: str
    domain: str
    nonce: str


class NtlmLogin(Event):
    """A client's response. ``method``: as in NTLM (``ntlmv2``, ``ntlmv1``, ``ntlmv1-ess``, ``lm``, ``anonymous``);
    ``proof``: a hash of its response.
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
