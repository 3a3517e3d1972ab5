"""Which evidence is about the device itself, for the fusion: a host also sends texts of and about other devices.

- A proxy or a PBX passes on the User-Agents of phones, a router with NAT or a Wi-Fi repeater those of HTTP clients.
- A host with address translation sends the packets of its clients with its own address.
- Computers emulate and share other devices, and run programs of their vendors.
- A device whose other evidence only shows a module of the Internet of Things runs no applications of others, so the
  services that it contacts are those of its own vendor.
- A host name that is a model number is that of a product if the MAC prefix is of the vendor of this model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from sensor.core.observation import Evidence

# Lower results are unknown. Another value of this confidence makes the result contested.
THRESHOLD = 0.4
CONTESTED = 0.25
# Names of services that a host contacts: applications on any phone or PC contact them too. They support other evidence,
# or count if there is no other; they never contradict it.
BACKING = frozenset(("cloud",))
IOT = "iot"
# Types of computers and phones, with those that differ from them in form or role only.
COMPUTERS: dict[str, frozenset[str]] = {
    "workstation": frozenset(("workstation", "server")),
    "server": frozenset(("workstation", "server")),
    "mobile": frozenset(("mobile", "tablet")),
    "tablet": frozenset(("mobile", "tablet")),
}
# Kinds of texts of which a device sends those of one product; programs of others stay programs of the host.
OF_ONE_PRODUCT = frozenset(("sip.user_agent",))
# The kind of texts that a forwarding host also sends for the devices behind it.
FORWARDED = "http.user_agent"
# The kind that proves address translation, and those that such a host also sends for its clients.
TRANSLATED = "tcp.hops"
OF_CLIENTS = frozenset(
    "amqp.client dns.query http.asked http.user_agent mongodb.driver mongodb.os mqtt.client_id mqtt.topic ntp.system "
    "quic.sni rtsp.user_agent sip.user_agent stun.software tcp.syn tls.sni".split()
)
PROGRAMS = "software"
PREFIX = "oui"
# How much stronger services are as evidence of a device without applications, and the maximum.
OWN_SERVICE, OWN_SERVICE_LIMIT = 1.75, 0.6

NAME, OWNERS = "hostname", frozenset(("oui", "owner"))
# How much stronger a model number as host name is if the MAC prefix is of its vendor, and the maximum.
OWN_MODEL, OWN_MODEL_LIMIT = 1.5, 0.45

Pieces = dict[str, list[Evidence]]
# Vendors and types of a text.
_Product = tuple[frozenset[str], frozenset[str]]


def of_the_device(evidence: Iterable[Evidence]) -> Pieces:
    """The evidence by attribute, without that of other devices."""
    pieces: Pieces = {}
    for piece in evidence:
        if piece.attribute in pieces:
            pieces[piece.attribute].append(piece)
        else:
            pieces[piece.attribute] = [piece]
    if any(piece.kind == TRANSLATED for piece in pieces.get("type", ())):
        _drop_of_clients(pieces)
    if "vendor" in pieces:
        _drop_relayed(pieces)
        _drop_forwarded(pieces)
        _trust_own_model(pieces)
    if any(piece.value == IOT for piece in pieces.get("type", ())) and _runs_own_firmware_only(pieces):
        return {name: _of_own_service(mine) for name, mine in pieces.items()}
    return pieces


def drop_of_other_types(pieces: Pieces, types: list[Evidence], winner: str) -> None:
    """Remove what a computer sent about devices of other types. The MAC prefix is its own, whatever its vendor also
    makes.
    """
    if winner not in COMPUTERS:
        return
    own = {(piece.kind, piece.seen) for piece in types if piece.value in COMPUTERS[winner]}
    lost = {(piece.kind, piece.seen) for piece in types if piece.family != PREFIX} - own
    if lost:
        for name in pieces.keys() - {PROGRAMS}:
            pieces[name] = [piece for piece in pieces[name] if (piece.kind, piece.seen) not in lost]


def _drop_relayed(pieces: Pieces) -> None:
    """Remove texts that a device sends for one product, if they name several vendors."""
    named: dict[str, set[str]] = {}
    for piece in pieces["vendor"]:
        if piece.kind in OF_ONE_PRODUCT:
            named.setdefault(piece.seen, set()).add(piece.value)
    if len(named) > 1 and not set.intersection(*named.values()):
        for name in pieces.keys() - {PROGRAMS}:
            pieces[name] = [piece for piece in pieces[name] if piece.kind not in OF_ONE_PRODUCT]


def _drop_of_clients(pieces: Pieces) -> None:
    """Remove what a host with address translation may have sent for others, except what makes its own evidence more
    exact.
    """
    for name, mine in pieces.items():
        own = tuple(piece.value for piece in mine if piece.kind not in OF_CLIENTS)
        pieces[name] = [piece for piece in mine if piece.kind not in OF_CLIENTS or piece.value.startswith(own)]


def _drop_forwarded(pieces: Pieces) -> None:
    """Remove User-Agents of HTTP if they are those of several devices: of other vendors, and of types that do not
    agree. Computers send those of emulators as well.
    """
    vendors = _by_text(pieces["vendor"])
    if len(vendors) < 2:
        return
    types = _by_text(pieces.get("type", ()))
    devices = {(frozenset(vendors[seen]), frozenset(types[seen])) for seen in vendors.keys() & types.keys()}
    devices = {device for device in devices if not device[1] & COMPUTERS["workstation"]}
    if any(_are_two(one, other) for one, other in itertools.combinations(devices, 2)):
        for name in pieces.keys() - {PROGRAMS}:
            pieces[name] = [piece for piece in pieces[name] if piece.kind != FORWARDED]


def _by_text(pieces: Iterable[Evidence]) -> dict[str, set[str]]:
    """The likely values of one attribute by the User-Agent that yields them."""
    values: dict[str, set[str]] = {}
    for piece in pieces:
        if piece.kind == FORWARDED and piece.confidence >= THRESHOLD:
            values.setdefault(piece.seen, set()).add(piece.value)
    return values


def _are_two(one: _Product, other: _Product) -> bool:
    """Whether the vendors and types of two texts are of two devices. Sticks and TVs have the same programs."""
    if one[0] & other[0]:
        return False
    kinds = one[1] | other[1]
    return not (one[1] & other[1] or kinds <= {"media_player", "tv", "iot"} or kinds <= COMPUTERS["mobile"])


def _trust_own_model(pieces: Pieces) -> None:
    """Strengthen weak evidence of a host name that is a model number of the vendor that owns the MAC prefix: without
    this vendor, such a short name may be anything.
    """
    weak = {piece.seen for piece in pieces.get("model", ()) if piece.family == NAME and piece.confidence < THRESHOLD}
    owners = {piece.value for piece in pieces["vendor"] if piece.family in OWNERS} if weak else set()
    own = weak & {piece.seen for piece in pieces["vendor"] if piece.family == NAME and piece.value in owners}
    if own:
        for name, mine in pieces.items():
            pieces[name] = [_of_own_model(piece) if piece.seen in own else piece for piece in mine]


def _of_own_model(piece: Evidence) -> Evidence:
    if piece.family != NAME or piece.confidence >= THRESHOLD:
        return piece
    return piece.__replace__(confidence=min(piece.confidence * OWN_MODEL, OWN_MODEL_LIMIT))


def _runs_own_firmware_only(pieces: Pieces) -> bool:
    """Whether the evidence other than contacted services shows a device of the Internet of Things, of no known type,
    and the services are those of one vendor.
    """
    others = [piece for piece in pieces["type"] if piece.family not in BACKING]
    return (
        any(piece.confidence >= THRESHOLD for piece in others)
        and all(piece.value == IOT or piece.confidence < CONTESTED for piece in others)
        and len({piece.value for piece in pieces.get("vendor", ()) if piece.family in BACKING}) <= 1
    )


def _of_own_service(mine: list[Evidence]) -> list[Evidence]:
    """Evidence of one attribute, stronger where contacted services agree on a specific value."""
    if len({piece.value for piece in mine if piece.family in BACKING and piece.value != IOT}) != 1:
        return mine
    return [
        piece.__replace__(confidence=min(piece.confidence * OWN_SERVICE, OWN_SERVICE_LIMIT))
        if piece.family in BACKING and piece.confidence < OWN_SERVICE_LIMIT
        else piece
        for piece in mine
    ]
