"""CPE 2.3 names (NISTIR 7695): cpe:2.3:part:vendor:product:version:update:…, with punctuation escaped by a
backslash.
"""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.lazy_pattern import lazy_pattern

_PARTS = lazy_pattern(r"((?:[^:\\]|\\.)*)(?::|\Z)")
_ESCAPE = lazy_pattern(r"\\(.)")
_FIRMWARE = lazy_pattern(r"[_ ]firmware\Z")


class Cpe(NamedTuple):
    """``version``: includes the update; ``*`` is any, ``-`` none."""

    part: str
    vendor: str
    product: str
    version: str


def unescaped(text: str) -> str:
    """A part of a name without escapes."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def parse_cpe(text: str) -> Cpe:
    """Raises ValueError if the text is not a CPE name."""
    fields: list[str] = []
    if text.startswith("cpe:2.3:") and len(text) <= 512:
        # Most have no escapes; splitting those at colons is eight times as fast.
        fields = _PARTS.findall(text)[:8] if "\\" in text else text.split(":")
    if len(fields) < 7 or fields[2] not in ("a", "o", "h") or not fields[3] or not fields[4]:
        raise ValueError(f"found {text[:60]!r}, expected a CPE 2.3 name")
    part, vendor, product, version, update = map(unescaped, fields[2:7])
    version = f"{version} {update}" if update not in ("*", "-", "") and version not in ("*", "-") else version
    return Cpe(part, vendor, _FIRMWARE.sub("", product), version)
