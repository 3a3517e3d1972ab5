"""IEEE 1284 device IDs (7.6): ``MFG:Canon;MDL:MG5300 series;CLS:PRINTER;``, which printers also send in network
protocols.
"""

from __future__ import annotations

import functools

from sensor.core.reader import clean

SIZE_LIMIT = 2048
KEYS_LIMIT = 48
# The long names of keys that also have a short one.
_SHORT = {
    "MANUFACTURER": "MFG",
    "MODEL": "MDL",
    "CLASS": "CLS",
    "DESCRIPTION": "DES",
    "SERN": "SN",
    "SERIALNUMBER": "SN",
    "FIRMWARE": "FWVER",
}


@functools.lru_cache(maxsize=1024)
def device_id(raw: str) -> dict[str, str]:
    """Values by key, with the short name if there are two; the first of each key counts. Shared between callers: must
    not be changed.
    """
    found: dict[str, str] = {}
    for part in raw[:SIZE_LIMIT].split(";", KEYS_LIMIT)[:KEYS_LIMIT]:
        key, colon, value = part.partition(":")
        key = key.strip().upper()
        if colon and key.isascii() and (cleaned := clean(value, 255)):
            found.setdefault(_SHORT.get(key, key), cleaned)
    return found
