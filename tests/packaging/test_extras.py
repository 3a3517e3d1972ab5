"""What extras add to an installation, by the metadata of the installed packages."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME = "passive-network-sensor"
# Bytes that the extra `console` may add to an installation.
CONSOLE_LIMIT = 12_000_000


def required(name: str, extras: frozenset[str], found: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """All packages that a package needs with these extras, and their own extras."""
    for requirement in map(Requirement, metadata.requires(name) or ()):
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}
        )
        key, more = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if wanted and not more | {""} <= found.get(key, frozenset()):
            found[key] = found.get(key, frozenset()) | more | {""}
            required(requirement.name, more, found)
    return found


def size_of(name: str) -> int:
    """Bytes of the installed files of a package, compiled ones included."""
    paths = [Path(str(file.locate())) for file in metadata.distribution(name).files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())


def test_the_console_adds_at_most_12_megabytes() -> None:
    pytest.importorskip("webauthn", reason="needs the extra console")
    base, console = required(NAME, frozenset(), {}), required(NAME, frozenset(("console",)), {})
    added = {name: size_of(name) for name in console.keys() - base.keys()}
    assert {"starlette", "uvicorn", "webauthn"} <= added.keys()
    assert all(added.values()), added
    assert sum(added.values()) <= CONSOLE_LIMIT, added
