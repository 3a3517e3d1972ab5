"""Signatures of hunts: a sensor runs only queries that its hub signed (Ed25519, RFC 8032) for this sensor, minutes ago,
and each of them once. So neither a NATS server nor a holder of `worker.creds` alone can query traffic records.

The key is that of the account, which also signs the JWT of the sensor.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sensor.outputs.hub_protocol.hunts import Fault, Hunt
from sensor.outputs.hub_protocol.messages import Signed
from sensor.outputs.transport.nkeys import KeyPair, is_signed

# How far the clocks of hub and sensor may differ, with the time of the transport.
FRESH_S = 300
# Prefix of the signed data, so that no other signature of the key is valid for a hunt.
_PURPOSE = b"sensor hunt 1\n"


class Rejected(Exception):
    """A hunt that must not run. ``fault``: a code; the message has the details."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault: Fault = fault


def sign_hunt(hunt: Hunt, account: KeyPair, sensor: str, now: int) -> bytes:
    """The message for one sensor. ``sensor``: its public key; ``now``: seconds since 1970."""
    content = msgspec.json.encode(msgspec.structs.replace(hunt, sensor=sensor, signed=now))
    return msgspec.json.encode(Signed(content.decode(), account.sign(_PURPOSE + content)))


def read_hunt(body: bytes) -> tuple[Signed, Hunt]:
    """The hunt in a message, before its signature is verified. Raises msgspec.MsgspecError."""
    signed = msgspec.json.decode(body, type=Signed)
    return signed, msgspec.json.decode(signed.content, type=Hunt)


def verify_hunt(signed: Signed, hunt: Hunt, account: str, sensor: str, now: float) -> None:
    """Raises Rejected. ``account``: public key of the hub; ``sensor``: that of this sensor."""
    if not is_signed(account, _PURPOSE + signed.content.encode(), signed.signature):
        raise Rejected("not_signed", f"the query is not signed by the hub {account[:12]}…")
    if hunt.sensor != sensor:
        raise Rejected("other_sensor", "the query is signed for another sensor")
    age = now - hunt.signed
    if abs(age) > FRESH_S:
        reason = f"by the clock of this sensor, the query was signed {age:,.0f} s ago, expected at most {FRESH_S} s"
        raise Rejected("expired", f"{reason} either way: compare the clocks of hub and sensor")


def fresh(known: Sequence[tuple[str, int]], now: float) -> list[tuple[str, int]]:
    """Ids and times of those hunts whose replay would not be recognized as expired."""
    return [(hunt, signed) for hunt, signed in known if now - signed <= 2 * FRESH_S]
