"""Releases: Debian packages of the sensor that the operator of a hub signs for its sensors.

The signature (Ed25519, RFC 8032) covers version, architecture and SHA-256 of the package, with the same key as the
fleet configuration. So neither the database of the hub nor a worker can replace a package.
"""

from __future__ import annotations

import re

import msgspec

from sensor.outputs.hub_protocol.messages import Signed
from sensor.outputs.transport.nkeys import KeyPair, is_signed

PACKAGE = "passive-network-sensor"
SIZE_LIMIT = 1 << 30
# Version numbers of deb-version(7), without spaces.
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+:~-]{0,99}")
_ARCHITECTURE = re.compile(r"[a-z0-9-]{1,32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Prefix of the signed data, so that no other signature of the key is valid for a release.
_PURPOSE = b"sensor release 1\n"


class Rejected(Exception):
    """A release or package that is not installed, with the reason."""


class Release(msgspec.Struct, frozen=True):
    """``version``, ``architecture``: of the package, as in its control file; ``size``: bytes; ``signed``: seconds since
    1970.
    """

    version: str
    architecture: str
    sha256: str
    size: int
    signed: int

    @property
    def name(self) -> str:
        """Name of the package file."""
        return f"{self.sha256}.deb"


def sign_release(release: Release, operator: KeyPair) -> Signed:
    content = msgspec.json.encode(release).decode()
    return Signed(content, operator.sign(_PURPOSE + content.encode()))


def verify_release(signed: Signed, operator: str) -> Release:
    """The release, if this operator signed it. ``operator``: public key. Raises Rejected."""
    if not is_signed(operator, _PURPOSE + signed.content.encode(), signed.signature):
        raise Rejected(f"the release is not signed by the operator {operator[:12]}…")
    return check_release(read_release(signed.content))


def read_release(content: str) -> Release:
    """The release of a signed text, whose signature is not checked here. Raises Rejected."""
    try:
        return msgspec.json.decode(content, type=Release)
    except msgspec.MsgspecError as error:
        raise Rejected(f"the release is invalid: {error}") from None


def check_release(release: Release) -> Release:
    """The same release. Raises Rejected if a value is not valid."""
    for pattern, value in ((_VERSION, release.version), (_ARCHITECTURE, release.architecture)):
        if not pattern.fullmatch(value):
            raise Rejected(f"found the version or architecture {value[:100]!r}, expected those of a Debian package")
    if not _SHA256.fullmatch(release.sha256):
        raise Rejected("found no SHA-256 of the package")
    if not 0 < release.size <= SIZE_LIMIT:
        raise Rejected(f"the package has {release.size:,} bytes, expected at most {SIZE_LIMIT:,}")
    return release
