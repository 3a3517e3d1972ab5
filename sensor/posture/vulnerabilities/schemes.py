"""Version schemes, by family. Each parser returns None for a text that does not belong to the family, which then cannot
be compared.
"""

from __future__ import annotations

import functools
import re

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.vulnerabilities.versions import TEXT_LIMIT, TOKENS_LIMIT, Scheme, Token, Version

# Tracks with long-term support of AXIS OS; all else is the active track.
AXIS_LTS = frozenset(("6.50", "8.40", "9.80", "10.12", "11.11"))

_READ = 65_536
_TOKEN = lazy_pattern(r"\d+|[a-z]+")
_PLAIN = lazy_pattern(r"[0-9a-z ._,:()/+-]+\Z")
# Prefixes that are not part of the version, including names of systems.
_HEADING = lazy_pattern(r"\A(?:(?:version|ver|firmware|fw|release|dsm|qts|routeros|junos|airos)[ .:_-]*)+(?=[vr]?\d)")
# Words before a version that name its model or platform: GL.10.06, NVR-B3801.20.17, MX-V4.7.2. A letter directly before
# it is part of the version, except v and r: h5.1 is not 5.1.
_PREFIX = lazy_pattern(r"((?:(?![vr]\d|[a-z]\d{1,2}\.)[a-z][a-z0-9]*[ ._-]+)*)(?:[vr]|([a-z]))?(\d.*)\Z")
_AXIS = lazy_pattern(r"v?(\d{1,2})\.(\d{1,3})((?:\.\d{1,6}){0,4})\Z")
# IOS, NX-OS and phones: 15.2(7)E3, 12.2(44)SE, 14.2(1)SR1. Train letters name the branch, SR and ES a release of it.
_TRAIN = lazy_pattern(r"(\d{1,2})\.(\d{1,2})\((\d{1,3})([a-z]?)\)(?:(sr|es)(?=\d)|([a-z]{1,4}))?(\d{1,3})?([a-z]?)\Z")
_IOS_XE = lazy_pattern(r"(\d{2})\.(\d{1,2})\.(\d{1,2})([a-z]?)\Z")
_IOS_XE_3 = lazy_pattern(r"0?(3)\.(\d{1,2})\.(\d{1,2})(?:\.?(s|e|se|sg|xo))\Z")
_DAHUA = lazy_pattern(
    r"v?(\d{1,4}(?:\.\d{1,10}){1,4})(?:\.([rt]))?(?:[ ,]+build(?: date)?[ :]*(\d{4})-?(\d\d)-?(\d\d))?\Z"
)
_FUTURESMART = lazy_pattern(r"(?:futuresmart|fs)? ?([345])((?:\.\d{1,6}){1,4})\Z")
_BUNDLE = lazy_pattern(r"(2[2-9])(\d{5})_(\d{6})\Z")
_YEALINK = lazy_pattern(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})\.(\d{1,4})\Z")
_LEXMARK = lazy_pattern(r"(?:[a-z0-9]{5,6}\.)?(\d{3})\.(\d{3})\Z")
_LEXMARK_OLD = lazy_pattern(r"(lw\d\d)\.[a-z0-9]{2,4}\.p(\d{3,4})\Z")
_DATE = lazy_pattern(r"(?<!\d)(20\d\d)(-?)([01]\d)\2([0-3]\d)(?!\d)")
_SHORT_DATE = lazy_pattern(r"build[ _:]*([0-3]\d)([01]\d)([0-3]\d)(?!\d)")


def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(int(token) if token[0].isdigit() else token for token in _TOKEN.findall(text))


def _tidied(text: str) -> str:
    """Lower case and stripped; empty if it is too long or has characters that versions do not have."""
    text = text.strip().lower() if len(text) <= TEXT_LIMIT else ""
    return text if _PLAIN.match(text) else ""


@functools.lru_cache(_READ)
def _dotted(text: str) -> Version | None:
    """Alternating numbers and words; words before the first number name the track. 5.5.82 build 190220, 7.6.2SR6,
    V5.21(AAZF.14)C0.
    """
    found = _PREFIX.match(_HEADING.sub("", _tidied(text)))
    tokens = _tokens(found[3]) if found else ()
    if found is None or not 0 < len(tokens) <= TOKENS_LIMIT:
        return None
    return Version("-".join(re.findall(r"[a-z0-9]+", f"{found[1]} {found[2] or ''}")), tokens)


@functools.lru_cache(_READ)
def _axis(text: str) -> Version | None:
    """9.80.3, 5.50.3.7: a track with long-term support, or the active one."""
    found = _AXIS.match(_tidied(text))
    if found is None:
        return None
    track = f"{int(found[1])}.{found[2]}"
    return Version(track if track in AXIS_LTS else "active", _tokens(found[0].lstrip("v")))


@functools.lru_cache(_READ)
def _cisco(text: str) -> Version | None:
    """Trains of IOS, IOS XE and NX-OS: each has its own fixes."""
    text = _tidied(text)
    if found := _TRAIN.match(text):
        major, minor, build, letter, issue, train, number, last = found.groups()
        rest = [one for one in (letter, issue, int(number or 0), last) if one]
        return Version(f"{major}.{minor}{train or ''}", (int(major), int(minor), int(build), *rest))
    if found := _IOS_XE.match(text):
        return Version(
            f"{found[1]}.{int(found[2])}", (int(found[1]), int(found[2]), int(found[3]), *filter(None, (found[4],)))
        )
    if found := _IOS_XE_3.match(text):
        return Version(f"3.{int(found[2])}{found[4]}", (3, int(found[2]), int(found[3])))
    return None


@functools.lru_cache(_READ)
def _dahua(text: str) -> Version | None:
    """2.800.0000000.14.R, with or without its build date; R (release) and T (test) are tracks."""
    found = _DAHUA.match(_tidied(text))
    if found is None:
        return None
    build: tuple[Token, ...] = ("build", int(found[3] + found[4] + found[5])) if found[3] else ()
    return Version(found[2] or "r", (*_tokens(found[1]), *build))


@functools.lru_cache(_READ)
def _futuresmart(text: str) -> Version | None:
    """HP: 4.11.2.1 of FutureSmart 4, or the bundle 2409081_048594. The generation is the track; neither form implies
    the other.
    """
    text = _tidied(text)
    if found := _FUTURESMART.match(text):
        return Version(f"FutureSmart {found[1]}", _tokens(found[1] + found[2]))
    if found := _BUNDLE.match(text):
        return Version(f"bundle {found[1]}", (int(found[2]), int(found[3])))
    return None


@functools.lru_cache(_READ)
def _yealink(text: str) -> Version | None:
    """66.86.0.15: the first number is the model, the rest its version."""
    found = _YEALINK.match(_tidied(text))
    return Version(found[1], tuple(map(int, found.groups()[1:]))) if found else None


@functools.lru_cache(_READ)
def _lexmark(text: str) -> Version | None:
    """CXTPC.230.041, or LW80.SB7.P246 of the older line, which is a separate track."""
    text = _tidied(text)
    if found := _LEXMARK.match(text):
        return Version("", (int(found[1]), int(found[2])))
    if found := _LEXMARK_OLD.match(text):
        return Version(found[1], (int(found[2]),))
    return None


@functools.lru_cache(_READ)
def _build_date(text: str) -> Version | None:
    """Only the build date, if the text has exactly one: 20240813, 2024-02-02, build 221220."""
    text = _tidied(text)
    days = {(int(year), int(month), int(day)) for year, _, month, day in _DATE.findall(text)}
    days |= {(2000 + int(year), int(month), int(day)) for year, month, day in _SHORT_DATE.findall(text)}
    days = {day for day in days if 1 <= day[1] <= 12 and 1 <= day[2] <= 31}
    return Version("", days.pop()) if len(days) == 1 else None


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("dotted", _dotted),
        Scheme("whole", _dotted, whole=True),
        Scheme("axis", _axis, branches=True),
        Scheme("cisco", _cisco, whole=True, branches=True, listed=True),
        Scheme("dahua", _dahua),
        Scheme("build_date", _build_date, whole=True),
        Scheme("futuresmart", _futuresmart),
        Scheme("yealink", _yealink, whole=True),
        Scheme("lexmark", _lexmark, whole=True),
    )
}
