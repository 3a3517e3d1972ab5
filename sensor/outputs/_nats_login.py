"""How a client of NATS proves who it is: password, token, or the signature of an nkey (Ed25519), with or without a JWT
beside it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

from sensor.core.output import Retry
from sensor.outputs._secrets import Secret

# First bits of what the letters S (seed) and U (user) begin with in base 32.
SEED, USER = 18 << 3, 20 << 3
KEY_SIZE = 32

_BLOCK = re.compile(r"-{3,}BEGIN ([A-Z ]+)-{3,}\s+(\S+)\s+-{3,}END \1-{3,}")


class Login(NamedTuple):
    """The location of the credentials; read again for every connection."""

    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    nkey: Secret | None = None
    credentials: Secret | None = None

    def answer(self, nonce: str) -> dict[str, str]:
        """The CONNECT message at the beginning of a connection."""
        if self.credentials is not None:
            jwt, seed = _parts(self.credentials)
            return {"jwt": jwt, "sig": _signed(seed, nonce, self.credentials)}
        if self.nkey is not None:
            seed = self.nkey.reveal().strip()
            return {"nkey": _public(seed, self.nkey), "sig": _signed(seed, nonce, self.nkey)}
        if self.token is not None:
            return {"auth_token": self.token.reveal()}
        if self.user:
            return {"user": self.user, "pass": self.password.reveal() if self.password is not None else ""}
        return {}


def _parts(credentials: Secret) -> tuple[str, str]:
    """JWT and seed of a file of credentials."""
    blocks = dict(_BLOCK.findall(credentials.reveal()))
    try:
        return blocks["NATS USER JWT"], blocks["USER NKEY SEED"]
    except KeyError as error:
        raise Retry(
            f"the credentials {credentials} have no part {error.args[0]!r}: expected a file as `nsc "
            "generate creds` makes it"
        ) from None


def _signed(seed: str, nonce: str, secret: Secret) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(_raw(seed, secret)).sign(nonce.encode())
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def _public(seed: str, secret: Secret) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = bytes([USER]) + Ed25519PrivateKey.from_private_bytes(_raw(seed, secret)).public_key().public_bytes_raw()
    return base64.b32encode(key + binascii.crc_hqx(key, 0).to_bytes(2, "little")).rstrip(b"=").decode()


def _raw(seed: str, secret: Secret) -> bytes:
    """The key in a user's seed. Retry that does not show it."""
    try:
        whole = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error:
        whole = b""
    key, crc = whole[:-2], whole[-2:]
    if (
        len(key) != KEY_SIZE + 2
        or binascii.crc_hqx(key, 0).to_bytes(2, "little") != crc
        or key[0] & 0xF8 != SEED
        or (key[0] & 7) << 5 | key[1] >> 3 != USER
    ):
        raise Retry(f"{secret} is no seed of a user: it begins with SU")
    return key[2:]
