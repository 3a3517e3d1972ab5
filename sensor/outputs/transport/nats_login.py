"""Authentication of a NATS client: password, token, or the signature of an nkey (Ed25519), with or without a JWT."""

from __future__ import annotations

import re
from typing import NamedTuple

from sensor.core.output import Retry
from sensor.outputs.transport.nkeys import USER, KeyPair
from sensor.outputs.transport.secrets import Secret

# Servers send about 20 characters. Longer texts are not signed, so that no server can use the key for other protocols.
_NONCE = re.compile(r"[A-Za-z0-9_+/=-]{0,64}")
_BLOCK = re.compile(r"-{3,}BEGIN ([A-Z ]+)-{3,}\s+(\S+)\s+-{3,}END \1-{3,}")


class Login(NamedTuple):
    """Where the credentials are; they are read again for every connection. ``bearer``: a JWT that needs no
    signature.
    """

    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    nkey: Secret | None = None
    credentials: Secret | None = None
    bearer: str = ""

    def answer(self, nonce: str) -> dict[str, str]:
        """Credentials in the CONNECT message. Raises Retry if ``nonce`` is none."""
        if not _NONCE.fullmatch(nonce):
            raise Retry("the server requested a signature of a text that is not a nonce")
        if self.credentials is not None:
            jwt, seed = _parts(self.credentials)
            return {"jwt": jwt, "sig": _pair(seed, self.credentials).sign(nonce.encode())}
        if self.nkey is not None:
            pair = _pair(self.nkey.reveal(), self.nkey)
            return {"nkey": pair.public, "sig": pair.sign(nonce.encode())}
        if self.token is not None:
            return {"auth_token": self.token.reveal()}
        if self.bearer:
            return {"jwt": self.bearer}
        if self.user:
            return {"user": self.user, "pass": self.password.reveal() if self.password is not None else ""}
        return {}


def _parts(credentials: Secret) -> tuple[str, str]:
    """JWT and seed in a credentials file."""
    blocks = dict(_BLOCK.findall(credentials.reveal()))
    try:
        return blocks["NATS USER JWT"], blocks["USER NKEY SEED"]
    except KeyError as error:
        raise Retry(
            f"the credentials {credentials} have no part {error.args[0]!r}: expected a file of `nsc generate creds`"
        ) from None


def _pair(seed: str, secret: Secret) -> KeyPair:
    """The key of a user's seed. Raises Retry that does not contain it."""
    try:
        return KeyPair.of_seed(seed, USER)
    except ValueError:
        raise Retry(f"{secret} is not the seed of a user, which begins with SU") from None
