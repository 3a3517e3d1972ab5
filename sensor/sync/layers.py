"""Layers of the fleet configuration, which the operator of a hub signs and a sensor verifies.

A layer applies to the whole fleet, to a site, or to one sensor. It lists files by digest: `sensor.yaml`, threat lists,
rules, hunts, fingerprints, mutes. The signature (Ed25519, RFC 8032) covers the list with its version and time, so that
neither the database of the hub nor a worker can change, combine or replay configurations.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from sensor.outputs.hub_protocol.messages import Signed
from sensor.outputs.transport.nkeys import KeyPair, is_signed

Scope = Literal["fleet", "site", "sensor"]
SCOPES: tuple[Scope, ...] = ("fleet", "site", "sensor")
FILE_LIMIT, TOTAL_LIMIT, FILES_LIMIT = 64 << 20, 256 << 20, 1000
# File names that a sensor reads.
EXPECTED = "sensor.yaml, mutes.yaml, lists/*, rules/*.yaml, hunts/*.yaml, fingerprints/**.yaml (or .yml)"
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(
    rf"sensor\.yaml|mutes\.yaml|lists/{_PART}|(?:rules|hunts)/{_PART}\.ya?ml|fingerprints/(?:{_PART}/){{0,3}}{_PART}\.ya?ml"
)
# Prefix of the signed data, so that no other signature of the key is valid for a layer.
_PURPOSE = b"sensor fleet configuration 1\n"


class Refused(Exception):
    """A rejected configuration, with the reason."""


class File(msgspec.Struct, frozen=True):
    """``name``: with the folder, separated by slashes; ``sha256``: hexadecimal; ``size``: bytes."""

    name: str
    sha256: str
    size: int


class Layer(msgspec.Struct, frozen=True):
    """``target``: name of the site or public key of the sensor, empty for the fleet; ``version``: from 1, for each
    target; ``signed``: seconds since 1970. A layer without files has no settings.
    """

    scope: Scope
    target: str
    version: int
    signed: int
    files: list[File] = []

    @property
    def place(self) -> str:
        return f"{self.scope}:{self.target}"

    @property
    def folder(self) -> str:
        """Name of its folder at the sensor; in name order, later layers override earlier ones."""
        return f"{SCOPES.index(self.scope) + 1}0-{self.scope}"


def files_of(content: Mapping[str, bytes]) -> list[File]:
    """Files by name. Raises Refused if a name or a size is not valid."""
    found = [File(name, hashlib.sha256(body).hexdigest(), len(body)) for name, body in sorted(content.items())]
    check_files(found)
    return found


def sign(layer: Layer, operator: KeyPair) -> Signed:
    content = msgspec.json.encode(layer).decode()
    return Signed(content, operator.sign(_PURPOSE + content.encode()))


def verify(signed: Signed, operator: str) -> Layer:
    """The layer, if this operator signed it. ``operator``: public key. Raises Refused."""
    if not is_signed(operator, _PURPOSE + signed.content.encode(), signed.signature):
        raise Refused(f"a layer is not signed by the operator {operator[:12]}…")
    try:
        layer = msgspec.json.decode(signed.content, type=Layer)
    except msgspec.MsgspecError as error:
        raise Refused(f"a layer is invalid: {error}") from None
    check_files(layer.files)
    return layer


def check_files(files: Sequence[File]) -> None:
    """Check names, number and sizes. Raises Refused for a name that sensors do not read, or if a limit is exceeded."""
    for file in files:
        if not _NAME.fullmatch(file.name):
            raise Refused(f"found the file {file.name[:100]!r}, expected {EXPECTED}")
        if not 0 <= file.size <= FILE_LIMIT:
            raise Refused(f"{file.name} has {file.size:,} bytes, expected at most {FILE_LIMIT:,}")
    if len({file.name for file in files}) < len(files):
        raise Refused("a file is listed twice")
    if twice := {file.name for file in files} & {
        f"{file.name[:-4]}.yaml" for file in files if file.name[-4:] == ".yml"
    }:
        raise Refused(f"found {min(twice)} also as .yml, expected one of them")
    if len(files) > FILES_LIMIT or sum(file.size for file in files) > TOTAL_LIMIT:
        raise Refused(f"{len(files):,} files, expected at most {FILES_LIMIT:,} with {TOTAL_LIMIT:,} bytes")


def digest_of(layers: Iterable[Signed]) -> str:
    """Digest of the effective layers: equal for the same layers in the same order; empty without layers."""
    contents = [layer.content.encode() for layer in layers]
    return hashlib.blake2b(b"\n".join(contents), digest_size=8).hexdigest() if contents else ""
