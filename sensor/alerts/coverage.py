"""Findings from an incomplete capture: marks those based on one-way connections or truncated frames.

A mirror port may show one direction only, and a snapshot length truncates frames. A finding may still be correct, but
the content of the missing bytes is unknown, so each finding reports it: in ``incomplete``, and as a reason.
"""

from __future__ import annotations

import msgspec

from sensor.core.alert import Alert, Proof
from sensor.core.device import DeviceChange
from sensor.core.flow import Flow
from sensor.core.ip_protocols import TCP
from sensor.core.stored import Recorded, Stored

# A client that sent this many bytes was answered, or the capture lacks the answers.
TALKING_BYTES = 1000
REASONS = {
    "one_way": "the capture shows one direction of this connection only: the answer of the other side is unknown",
    "truncated": "the capture truncated the frame with the evidence: the rest of its content is unknown",
}


def marked(alert: Alert) -> Alert:
    """The alert, with what the capture lacks of its packets; unchanged if nothing is known to be missing."""
    found = [lack for proof in alert.proof for lack in _lacks(proof)]
    if not found:
        return alert
    incomplete = tuple(dict.fromkeys(found))
    return msgspec.structs.replace(
        alert, incomplete=incomplete, why=(*alert.why, *(REASONS[lack] for lack in incomplete))
    )


def _lacks(proof: Proof) -> tuple[str, ...]:
    """What the capture lacks of a proof. Device changes, rows of traffic records and earlier proofs have no packet."""
    if isinstance(proof, DeviceChange | Stored | Recorded):
        return ()
    if isinstance(proof, Flow):
        silent = proof.proto == TCP and not proof.server_packets and proof.client_bytes >= TALKING_BYTES
        return ("one_way",) if silent else ()
    packet = proof.packet
    return (*(["one_way"] if packet.one_sided else []), *(["truncated"] if packet.truncated else []))
