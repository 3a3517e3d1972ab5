"""Fusion: from many pieces of evidence to one value for each attribute, with how sure we are. Pure: the same evidence gives the same answer, in any order.

For each value the best evidence of a family counts (ten packets of one kind are no more than one), families are independent: ``1 - Π(1 - c)``. Values of one attribute
exclude each other, so each lowers the others: the sureness of a value is its odds over the odds of all, *none of them* included. A value that is only a wider word for another
(``iot`` for ``camera``, ``Windows`` for ``Windows 11``) is no contradiction; the narrower one is told. Below the threshold there is no answer: a wrong name is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable

from sensor.core.device import Attribute
from sensor.core.observation import Evidence

# Answers below are unknown; contested ones must be better than an even chance.
THRESHOLD = 0.4
CONTESTED_THRESHOLD = 0.5
# Another value as likely as this makes the winner contested.
CONTESTED = 0.25
# What a single family can reach, one that anybody can write into a name or a MAC, and any number of families.
ONE_FAMILY = 0.85
WEAK_FAMILY = 0.5
CERTAIN = 0.99
WEAK = frozenset(("hostname", "oui"))
# A name checked against the MAC of its sender is the same text as the name: not independent of it, but no weak evidence.
SAME_SOURCE = {"hostname_mac": "hostname"}
# How long evidence keeps its weight without being seen again: half of it is gone after each such time.
HALF_LIFE = 30 * 86_400_000_000_000
HALF_LIFE_FIRMWARE = 7 * 86_400_000_000_000

# A wider word and the narrower ones that agree with it. Windows and Android are systems, not types: what speaks of a PC or a phone only because of its system
# agrees with the room systems, consoles and panels that are built on it.
WIDER: dict[str, frozenset[str]] = {
    "iot": frozenset(
        "camera nvr media_player speaker hub smart_plug light sensor appliance scale thermostat door_access intercom ups wearable signage tv printer "
        "conferencing medical building industrial access_point router barcode_scanner".split()
    ),
    "workstation": frozenset("server conferencing signage medical nvr industrial barcode_scanner tablet building".split()),
    "server": frozenset("nas nvr hub".split()),
    "mobile": frozenset("tablet wearable tv media_player conferencing voip_phone barcode_scanner signage speaker hub".split()),
    "media_player": frozenset("tv speaker game_console".split()),
    "voip_phone": frozenset("conferencing intercom".split()),
    "camera": frozenset(("intercom",)),
    "router": frozenset("access_point firewall".split()),
    "printer": frozenset(("label_printer",)),
}
_NO_TYPES: frozenset[str] = frozenset()
# Attributes that belong to a product and so to its vendor.
_OF_VENDOR = ("model", "firmware")


def fuse(evidence: Iterable[Evidence], now: int = 0) -> dict[str, Attribute]:
    """The attributes that the evidence supports, by name. ``now`` (ns): the time by which evidence has aged; 0: nothing ages."""
    pieces: dict[str, list[Evidence]] = {}
    for piece in evidence:
        if piece.attribute in pieces:
            pieces[piece.attribute].append(piece)
        else:
            pieces[piece.attribute] = [piece]
    told: dict[str, Attribute] = {}
    vendors = pieces.get("vendor")
    vendor = _decide("vendor", vendors, now) if vendors else None
    for name in sorted(pieces):
        mine = pieces[name]
        if vendor is not None and vendors and name in _OF_VENDOR:
            mine = _of_vendor(mine, vendors, vendor.value)
        answer = vendor if name == "vendor" else _decide(name, mine, now) if mine else None
        if answer is not None:
            told[name] = answer
    return told


def _decide(name: str, evidence: list[Evidence], now: int) -> Attribute | None:
    """The likeliest value of one attribute; None where none is likely enough."""
    if len(evidence) == 1 and not now:
        sure = _alone(evidence[0].confidence, evidence[0].family)
        return Attribute(name, evidence[0].value, round(sure, 3), (evidence[0],)) if sure >= THRESHOLD else None
    best = _best(name, evidence, now)
    sure_of = {key: _together(families) for key, families in best.items()}
    if len(sure_of) == 1:
        (key,) = sure_of
        winner, sure, rival = key, sure_of[key], 0.0
    else:
        _drop_wider(name, sure_of)
        winner = min(sure_of, key=lambda key: (-sure_of[key], key))
        others = sum(p / (1 - p) for key, p in sure_of.items() if key != winner)
        odds = sure_of[winner] / (1 - sure_of[winner])
        sure = odds / (1 + odds + others)
        rival = max((p for key, p in sure_of.items() if key != winner), default=0.0)
    contested = rival >= CONTESTED
    if sure < (CONTESTED_THRESHOLD if contested else THRESHOLD):
        return None
    mine = sorted((piece for piece in evidence if _key(name, piece.value) == winner), key=_order)
    against = sorted((piece for piece in evidence if contested and _key(name, piece.value) in sure_of and _key(name, piece.value) != winner), key=_order)
    return Attribute(name, mine[0].value, round(sure, 3), (*mine, *against), contested)


def _best(name: str, evidence: list[Evidence], now: int) -> dict[str, dict[str, float]]:
    """Value → family → confidence of its best evidence."""
    best: dict[str, dict[str, float]] = {}
    life = HALF_LIFE_FIRMWARE if name == "firmware" else HALF_LIFE
    for piece in evidence:
        confidence = piece.confidence
        if now > piece.last + life:
            confidence *= 0.5 ** ((now - piece.last) // life)
        families = best.setdefault(_key(name, piece.value), {})
        if confidence > families.get(piece.family, 0.0):
            families[piece.family] = confidence
    return best


def _together(families: dict[str, float]) -> float:
    """How sure families are together."""
    if len(families) == 1:
        for family, confidence in families.items():
            return _alone(confidence, family)
    doubt, counted = 1.0, 0
    for family, confidence in families.items():
        if any(SAME_SOURCE.get(other) == family for other in families):
            continue
        doubt *= 1 - min(confidence, CERTAIN)
        counted += 1
    weak = all(family in WEAK for family in families)
    return min(1 - doubt, ONE_FAMILY if weak or counted == 1 else CERTAIN)


def _alone(confidence: float, family: str) -> float:
    return min(confidence, WEAK_FAMILY if family in WEAK else ONE_FAMILY)


def _drop_wider(name: str, sure_of: dict[str, float]) -> None:
    """Take out values that are only wider words for another likely value."""
    likely = [key for key, sure in sure_of.items() if sure >= THRESHOLD]
    for wide in list(sure_of):
        narrow = WIDER.get(wide, _NO_TYPES) if name == "type" else None
        for key in likely:
            if key != wide and (key in narrow if narrow is not None else name != "vendor" and key.startswith(wide)):
                del sure_of[wide]
                break


def _of_vendor(mine: list[Evidence], vendors: list[Evidence], winner: str) -> list[Evidence]:
    """The evidence that does not come with another vendor than the one decided on. It comes with one where the same fingerprint said so of the same text."""
    comes_with = {(piece.fingerprint, piece.seen): piece.value for piece in vendors}
    return [piece for piece in mine if comes_with.get((piece.fingerprint, piece.seen), winner) == winner]


def _key(name: str, value: str) -> str:
    """Values that differ in case, blanks and hyphens only are the same."""
    return value if name in ("type", "vendor") else value.casefold().replace(" ", "").replace("-", "")


def _order(piece: Evidence) -> tuple[float, str, str, str]:
    return (-piece.confidence, piece.family, piece.fingerprint, piece.value)
