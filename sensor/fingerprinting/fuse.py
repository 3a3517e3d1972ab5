"""Fusion: from many pieces of evidence to one value for each attribute, with its confidence. Pure: the same evidence
gives the same result, in any order.

For each value the best evidence of a family counts (ten packets of one kind count once), and families are independent:
``1 - Π(1 - c)``. Values of one attribute exclude each other, so each lowers the others: the confidence of a value is
its odds over the odds of all, including *none of them*. A value that only generalizes another (``iot`` for ``camera``,
``Windows`` for ``Windows 11``) does not contradict it; the specific one is reported. Below the threshold there is no
result: a false identification is worse than none. Programs do not exclude each other: all likely ones are listed.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable

from sensor.core.device import WIDER, Attribute
from sensor.core.observation import Evidence
from sensor.fingerprinting.own import BACKING, CONTESTED, IOT, THRESHOLD, drop_of_other_types, of_the_device

# Contested results must be better than an even chance.
CONTESTED_THRESHOLD = 0.5
# Maximum for a single family, for one that any user can write into a name or a MAC, and for any number of families.
ONE_FAMILY = 0.85
WEAK_FAMILY = 0.5
CERTAIN = 0.99
WEAK = frozenset(("hostname", "oui", "owner"))
# How much less likely than a general type a specific one may be: a phone by several pieces of evidence is no player
# because of a program, a camera no recorder because of its web server. Others only need to be likely.
MOST_BEHIND = {("camera", "nvr"): 0.3} | {
    (wide, narrow): 0.3 for wide in ("mobile", "wireless_controller") for narrow in WIDER[wide]
}
HINTING = "oui"
# The organization of a MAC prefix that no fingerprint knows: contract manufacturers too. It counts only if nothing else
# names a vendor.
LAST = "owner"
# Families that are not independent of another, which counts instead: a name checked against the MAC of its sender is
# the same text as the name, and a connectivity check is a query and then a request.
SAME_SOURCE = {"hostname": "hostname_mac", "system": "http"}
# Models that are part of another are less specific; shorter ones may be part of it by coincidence.
PART_OF_MODEL = 5
# Attributes with several values at the same time, and how many of them are listed.
SEVERAL = frozenset(("software",))
SEVERAL_LIMIT = 8
SEPARATOR = ", "
# Half-life of evidence that is not seen again.
HALF_LIFE = 30 * 86_400_000_000_000
HALF_LIFE_FIRMWARE = 7 * 86_400_000_000_000
# A version not seen for this long (ns) when the same fingerprint read another one is outdated: restarts take a minute.
SUCCESSION = 60_000_000_000

# Further systems that a name includes besides those that begin with it: systems based on Linux, and releases that
# cannot be distinguished by a client or a build.
SYSTEMS: dict[str, tuple[str, ...]] = {
    "linux": (
        "debian", "ubuntu", "raspbian", "redhat", "centos", "rocky", "almalinux", "fedora", "suse", "arch", "proxmox",
        "android", "chromeos", "openwrt", "ddwrt", "webos", "tizen", "fritz!os", "routeros", "edgeos", "arubaos",
        "extremexos", "cumuluslinux", "eos", "nxos", "dsm", "srm",
    ),
    "debian": ("raspbian", "proxmox"),
    "ios": ("ipados", "tvos"),
    "windows7or8": ("windows7", "windows8", "windowsserver2008r2", "windowsserver2012"),
    "windows10or11": ("windows10", "windows11", "windowsserver20", "windowsserver23h2"),
    "windowsvistaorserver2008": ("windowsserver2008",),
    "windows7orserver2008r2": ("windowsserver2008r2",),
    "windows8orserver2012": ("windowsserver2012",),
    "windows8.1orserver2012r2": ("windowsserver2012r2",),
    "windows101607orserver2016": ("windowsserver2016",),
    "windows101809orserver2019": ("windowsserver2019",),
    "windows1124h2orserver2025": ("windowsserver2025",),
}  # fmt: skip

_NO_TYPES: frozenset[str] = frozenset()
# Attributes whose values come from the vocabulary and are compared exactly; those that belong to a product, and so to
# its vendor.
_EXACT = frozenset(("type", "vendor"))
_OF_VENDOR = ("model", "firmware")
_VERSIONED = ("firmware", "software")


_Families = dict[str, float]


def fuse(evidence: Iterable[Evidence], now: int = 0) -> dict[str, Attribute]:
    """The attributes that the evidence supports, by name. ``now`` (ns): reference for the age of evidence; 0: evidence
    does not age.
    """
    pieces = of_the_device(evidence)
    answers: dict[str, Attribute] = {}
    types = pieces.pop("type", None)
    kind = _decide("type", types, now, "") if types else None
    if kind is not None and types:
        answers["type"] = kind
        drop_of_other_types(pieces, types, kind.value)
    for name in _VERSIONED:
        if len(pieces.get(name, ())) > 1:
            pieces[name] = _current(pieces[name])
    vendors = pieces.pop("vendor", None)
    vendor = _decide("vendor", vendors, now, "") if vendors else None
    vendor_key = ""
    if vendor is not None and vendors:
        answers["vendor"] = vendor
        vendor_key = _key("", vendor.value, "")
        for name in _OF_VENDOR:
            if name in pieces:
                pieces[name] = _of_vendor(pieces[name], vendors, vendor.value)
    for name, mine in pieces.items():
        answer = _decide(name, mine, now, vendor_key) if mine else None
        if answer is not None:
            answers[name] = answer
    return dict(sorted(answers.items()))


def _current(versions: list[Evidence]) -> list[Evidence]:
    """Without outdated versions: those followed by another one from the same fingerprint, and not seen since."""
    began: dict[tuple[str, str, str], int] = {}
    for piece in versions:
        key = _product(piece)
        began[key] = max(began.get(key, piece.first), piece.first)
    return [piece for piece in versions if began[_product(piece)] - piece.last < SUCCESSION]


def _product(piece: Evidence) -> tuple[str, str, str]:
    """What the version of a piece of evidence belongs to; one fingerprint may name several programs."""
    return piece.fingerprint, piece.kind, piece.value.partition(" ")[0] if piece.attribute in SEVERAL else ""


def _decide(name: str, evidence: list[Evidence], now: int, vendor_key: str) -> Attribute | None:
    """The most likely value of one attribute; None if none is likely enough."""
    if len(evidence) == 1:
        (only,) = evidence
        sure = _alone(_aged(only, now), only.family)
        return Attribute(name, only.value, _rounded(sure), (only,)) if sure >= THRESHOLD else None
    mine, best = _grouped(name, evidence, now, vendor_key)
    if name in SEVERAL:
        return _listed(name, mine, best)
    if name == "type" and IOT in best:
        _fold(mine, best)
    sure_of = {key: _together(families) for key, families in best.items()}
    winner, sure, contested = _winner(name, sure_of)
    if sure < (CONTESTED_THRESHOLD if contested else THRESHOLD):
        return None
    shown = sorted(mine[winner], key=_order) if len(mine[winner]) > 1 else mine[winner]
    against = (
        sorted((piece for key in sure_of if key != winner for piece in mine[key]), key=_order) if contested else ()
    )
    return Attribute(name, winner if name in _EXACT else shown[0].value, _rounded(sure), (*shown, *against), contested)


def _listed(name: str, mine: dict[str, list[Evidence]], best: dict[str, _Families]) -> Attribute | None:
    """All likely values, in alphabetical order, with the confidence of the least likely one."""
    sure_of = {key: _together(families) for key, families in best.items()}
    _drop_wider(name, sure_of)
    likely = sorted((key for key, sure in sure_of.items() if sure >= THRESHOLD), key=lambda key: (-sure_of[key], key))
    if not likely:
        return None
    shown = [sorted(mine[key], key=_order) for key in sorted(likely[:SEVERAL_LIMIT])]
    sure = min(sure_of[key] for key in likely[:SEVERAL_LIMIT])
    value = SEPARATOR.join(pieces[0].value for pieces in shown)
    return Attribute(name, value, _rounded(sure), tuple(itertools.chain(*shown)))


def _grouped(
    name: str, evidence: list[Evidence], now: int, vendor_key: str
) -> tuple[dict[str, list[Evidence]], dict[str, _Families]]:
    """(value → its evidence, value → family → confidence of its best evidence)."""
    mine: dict[str, list[Evidence]] = {}
    best: dict[str, _Families] = {}
    exact = name in _EXACT
    for piece in evidence:
        confidence = _aged(piece, now)
        key = piece.value if exact else _key(name, piece.value, vendor_key)
        families = best.get(key)
        if families is None:
            best[key], mine[key] = {piece.family: confidence}, [piece]
            continue
        mine[key].append(piece)
        if confidence > families.get(piece.family, 0.0):
            families[piece.family] = confidence
    if len(best) > 1:
        _drop_backing(best)
    return mine, best


def _fold(mine: dict[str, list[Evidence]], best: dict[str, _Families]) -> None:
    """Let weak hints of specific types, none of them likely, count for the most general one: many hints of a
    fixed-function device together are one.
    """
    narrow = [key for key in best if key in WIDER[IOT]]
    if any(_together(best[key]) >= THRESHOLD for key in narrow):
        return
    wide = best[IOT]
    for key in narrow:
        for family, confidence in best.pop(key).items():
            wide[family] = max(confidence, wide.get(family, 0.0))
        mine[IOT] += mine.pop(key)


def _drop_backing(best: dict[str, _Families]) -> None:
    """Remove values with only supporting or weak evidence, if others are likely; they may still refine a general IoT
    type.
    """
    named = [key for key, families in best.items() if families.keys() != {LAST}]
    if named:
        for key in best.keys() - named:
            del best[key]
    likely = [key for key, families in best.items() if not _only_backs(families) and _together(families) >= THRESHOLD]
    if likely:
        exact = WIDER[IOT] if likely == [IOT] else _NO_TYPES
        for key in [key for key, families in best.items() if _only_backs(families) and key not in exact]:
            del best[key]


def _only_backs(families: _Families) -> bool:
    """Whether the only evidence for a value is services that the host contacts, or a weak hint of its MAC prefix,
    because the vendor also makes such devices.
    """
    return all(
        family in BACKING or (family == HINTING and confidence < THRESHOLD) for family, confidence in families.items()
    )


def _aged(piece: Evidence, now: int) -> float:
    """The remaining confidence of a piece of evidence. Time 0: evidence does not age."""
    age = now - piece.last
    if age < HALF_LIFE_FIRMWARE:
        return piece.confidence
    half_life = HALF_LIFE_FIRMWARE if piece.attribute == "firmware" else HALF_LIFE
    return float(piece.confidence * 0.5 ** (age // half_life))


def _winner(name: str, sure_of: dict[str, float]) -> tuple[str, float, bool]:
    """(most likely value, confidence, whether another is likely too). Removes generalizations of other values from
    ``sure_of``.
    """
    if len(sure_of) == 1:
        ((winner, sure),) = sure_of.items()
        return winner, sure, False
    _drop_wider(name, sure_of)
    winner, most, total, rival = "", 0.0, 1.0, 0.0
    for key, sure in sorted(sure_of.items()):
        total += sure / (1 - sure)
        if sure > most:
            winner, most, rival = key, sure, most
        elif sure > rival:
            rival = sure
    return winner, most / (1 - most) / total, rival >= CONTESTED


def _together(families: _Families) -> float:
    """Combined confidence of families."""
    if len(families) == 1:
        ((family, confidence),) = families.items()
        return _alone(confidence, family)
    doubt, counted, weak = 1.0, 0, True
    for family, confidence in families.items():
        weak = weak and family in WEAK
        if family in SAME_SOURCE and SAME_SOURCE[family] in families:
            continue
        doubt *= 1 - min(confidence, CERTAIN)
        counted += 1
    return min(1 - doubt, ONE_FAMILY if weak or counted == 1 else CERTAIN)


def _alone(confidence: float, family: str) -> float:
    return min(confidence, WEAK_FAMILY if family in WEAK else ONE_FAMILY)


def _drop_wider(name: str, sure_of: dict[str, float]) -> None:
    """Remove values that generalize another likely value."""
    likely = [key for key, sure in sure_of.items() if sure >= THRESHOLD]
    for wide, sure in list(sure_of.items()):
        if any(
            key != wide
            and sure - sure_of.get(key, 1.0) <= MOST_BEHIND.get((wide, key), 1.0)
            and is_wider(name, wide, key)
            for key in likely
        ):
            del sure_of[wide]


def is_wider(name: str, wide: str, key: str) -> bool:
    """Whether a value, as ``comparable``, generalizes another. A product's name may follow its number (``BSB002 Hue
    Bridge``), a system's kernel precede its version.
    """
    if name == "type":
        return key in WIDER.get(wide, _NO_TYPES)
    if name == "vendor":
        return False
    if name == "os" and (key in SYSTEMS or wide in SYSTEMS or wide.startswith("linux")):
        taken_in = SYSTEMS.get("linux" if wide.startswith("linux") else wide, ())
        return key.startswith((wide, *taken_in)) and not wide.startswith(SYSTEMS.get(key, ()))
    if name == "model" and len(wide) >= PART_OF_MODEL:
        return wide in key or _lacks_a_word(wide, key)
    return key.startswith(wide)


def _lacks_a_word(wide: str, key: str) -> bool:
    """Whether a model is another without some letters before its number: ``LaserJet M404dn`` is ``LaserJet Pro
    M404dn``. Identifiers with other characters (``MacBook10,1``) are compared as a whole.
    """
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(wide, key, strict=False))
    start = sum(1 for _ in same)
    end = wide[start:]
    added = key[start : len(key) - len(end)]
    same_number = end.isalnum() and not end.isalpha() and key.endswith(end)
    return start > 0 and same_number and added.isalpha()


def _of_vendor(mine: list[Evidence], vendors: list[Evidence], winner: str) -> list[Evidence]:
    """The evidence that does not imply a vendor other than the winner. Evidence implies a vendor if the same
    fingerprint asserted that vendor for the same text.
    """
    losing = {(piece.fingerprint, piece.seen) for piece in vendors if piece.value != winner}
    return [piece for piece in mine if (piece.fingerprint, piece.seen) not in losing] if losing else mine


@functools.lru_cache(maxsize=4096)
def _key(name: str, value: str, vendor_key: str) -> str:
    """Values that differ only in case, blanks and hyphens are equal, and models with and without their
    vendor in front.
    """
    key = value.casefold().replace(" ", "").replace("-", "")
    return (key.removeprefix(vendor_key) or key) if name == "model" and vendor_key else key


@functools.lru_cache(maxsize=4096)
def _rounded(sure: float) -> float:
    """A rounded number, shared by equal attributes: there are many."""
    return round(sure, 3)


def _order(piece: Evidence) -> tuple[float, str, str, str]:
    return (-piece.confidence, piece.family, piece.fingerprint, piece.value)
