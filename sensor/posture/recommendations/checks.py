"""Periodic checks of the known state of devices, for weaknesses that no single message shows.

Each check has its own file. It reports the fault of a device, or why an earlier fault is fixed, or nothing if that is
unknown. It names the attributes that it uses, so that packets prove it: values of the operator, contested values and
values of low confidence prove nothing.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sensor.core.detector import Context
from sensor.core.device import Device
from sensor.core.observation import Evidence, Subject
from sensor.core.proofs import proof_body
from sensor.core.record_parts import Body, end_body
from sensor.detectors.shared.devices import subject_of
from sensor.fingerprinting.fuse import SEVERAL
from sensor.inventory import identity
from sensor.inventory.corrections import OPERATOR
from sensor.inventory.roster import Member

# The attribute of a device's name.
NAME = "name"
SURE = 0.5


class PacketProof(NamedTuple):
    """Evidence in packets. ``subject``: the first of the devices; ``first``, ``last`` (ns) and ``times``: when and how
    often the evidence was seen.
    """

    subject: Subject
    proof: tuple[Body, ...]
    first: int
    last: int
    times: int


class CheckResult(NamedTuple):
    """A fault. ``seen``: its observation; ``does`` continues "the device …"; ``rests``: devices and their attributes
    that prove it, unless it is ``proven`` already; ``severity``: if different from that of the advice; ``product``: if
    the fix differs by product; ``value``: the one that proves it, of an attribute with several.
    """

    seen: str
    does: str
    rests: tuple[tuple[Device, str], ...]
    severity: str = ""
    product: str = ""
    proven: PacketProof | None = None
    value: str = ""


class Check(Protocol):
    """One periodic check. ``delay``: how long (ns) after the device was last seen the data that it reads may change."""

    setting: str
    delay: int

    def begin(self, members: list[Member], now: int) -> bool:
        """Start a round over all devices; ``now``: ns. Returns whether devices must be evaluated that did not change
        since the previous round.
        """
        ...

    def evaluate(self, member: Member) -> CheckResult | None:
        """The fault of a device; None if there is none, or it is unknown."""
        ...

    def fixed(self, member: Member) -> str:
        """Why its fault is fixed; empty if that is unknown."""
        ...


def prove(context: Context, verdict: CheckResult) -> PacketProof | None:
    """The evidence in packets; None without. Versions of two devices are only compared if the same kind of message had
    them.
    """
    if verdict.proven is not None:
        return verdict.proven
    subjects = [subject_of(device) for device, _ in verdict.rests]
    claims = [
        _claims(context.device(subject), device.id, attribute, verdict.value)
        for subject, (device, attribute) in zip(subjects, verdict.rests, strict=True)
    ]
    kinds = set.intersection(*({one.kind for one in some} for some in claims))
    best = [
        max(
            (one for one in some if one.kind in kinds),
            key=lambda one: (one.confidence, one.last, one.kind),
            default=None,
        )
        for some in claims
    ]
    proof = [one for one in best if one is not None]
    if len(proof) < len(subjects):
        return None
    bodies = [proof_body(one) | {"src": end_body(subject, None)} for one, subject in zip(proof, subjects, strict=True)]
    return PacketProof(subjects[0], tuple(bodies), proof[0].first, proof[0].last, proof[0].count)


def newest(verdict: CheckResult) -> int:
    """Upper bound for the time (ns) of a verdict's evidence, from its first device: needs no lookup and no
    allocation.
    """
    if verdict.proven is not None:
        return verdict.proven.last
    device, attribute = verdict.rests[0]
    if attribute == NAME:
        return max(
            (one.last for known in device.attributes.values() for one in known.evidence if _names(one)), default=0
        )
    known = device.attributes.get(attribute)
    return max(one.last for one in known.evidence) if known is not None else 0


def _claims(device: Device | None, name: str, attribute: str, value: str) -> list[Evidence]:
    """Evidence from packets for an attribute of the device with this id; for one of its values, if it has several."""
    if device is None or device.id != name:
        return []
    if attribute == NAME:
        called = next(iter(device.names), "").lower()
        return [
            one
            for known in device.attributes.values()
            for one in known.evidence
            if _names(one) and identity.bare(one.seen).lower() == called
        ]
    known = device.attributes.get(attribute)
    if known is None:
        return []
    observed = [one for one in known.evidence if one.family != OPERATOR]
    if attribute in SEVERAL:
        return [one for one in observed if one.value == value and one.confidence >= SURE]
    if known.contested or known.confidence < SURE:
        return []
    return [one for one in observed if one.value == known.value]


def _names(one: Evidence) -> bool:
    return one.kind.endswith((".hostname", ".fqdn"))
