"""An authenticator in software (Web Authentication Level 3, 6.1 and 6.5.4): what a browser would submit, and invalid
variants.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One credential. ``origin``, ``party``, ``flags`` and ``counter`` may be changed between uses."""

    def __init__(self, origin: str, party: str = "localhost") -> None:
        self.origin, self.party, self.counter = origin, party, 0
        self.flags = PRESENT | VERIFIED
        self.key, self.id, self.handle = generate_private_key(SECP256R1()), b"credential of the test", b""

    def register(self, options: dict[str, Any]) -> str:
        """The response to the options of a registration."""
        self.handle = bytes_of(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        credential = bytes(16) + len(self.id).to_bytes(2) + self.id + key
        attested = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + credential}
        client = self._client("webauthn.create", options["challenge"])
        return self._response({"clientDataJSON": text_of(client), "attestationObject": text_of(cbor2.dumps(attested))})

    def log_in(self, options: dict[str, Any]) -> str:
        """The response to the options of a login."""
        self.counter += 1
        data, client = self._data(0), self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature, "userHandle": self.handle}
        return self._response({name: text_of(raw) for name, raw in parts.items()})

    def _data(self, more: int) -> bytes:
        party = hashlib.sha256(self.party.encode()).digest()
        return party + bytes([self.flags | more]) + self.counter.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _response(self, response: dict[str, str]) -> str:
        name = text_of(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
