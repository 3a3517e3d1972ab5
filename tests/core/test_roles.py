"""The roles of devices that conditions of rules may name are those that dissectors and the inventory give."""

from __future__ import annotations

import re
from pathlib import Path

import sensor
from sensor.core.known_values import ROLES

# Roles of a protocol, or of the inventory itself.
_GIVEN = re.compile(r"""(?:\.role"[,:]|take_role\()\s*"([^"]+)\"""")


def test_no_role_is_missing() -> None:
    """A rule with a missing one would be rejected."""
    folder = Path(next(iter(sensor.__path__)))
    texts = [path.read_text() for part in ("dissectors", "inventory") for path in (folder / part).rglob("*.py")]
    given = {role for text in texts for role in _GIVEN.findall(text)}
    assert len(given) > 30
    assert given <= set(ROLES)
