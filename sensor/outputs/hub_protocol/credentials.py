"""Credentials of a sensor at its hub: a JWT and a client certificate that the hub issued for the sensor's public key,
and the seed of that key, which never leaves the sensor.

JWT and certificate are renewed after half of their lifetime. The files are rewritten, so the forwarder must be able to
write them. The certificate and its key are in a separate file, in the form that TLS libraries read.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path

import msgspec

from sensor.core.output import Retry
from sensor.outputs.transport.nkeys import OPERATOR, USER, KeyPair, is_public

_BLOCK = re.compile(r"-{3,}BEGIN ([A-Z ]+)-{3,}\s+(\S+)\s+-{3,}END \1-{3,}")
_LIMIT = 64 * 1024
FILE = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Allowed(msgspec.Struct):
    """Subjects."""

    allow: list[str] = []


class Rights(msgspec.Struct):
    """Subjects that a user may publish to."""

    pub: Allowed = msgspec.field(default_factory=Allowed)


class Claims(msgspec.Struct):
    """The relevant part of a JWT; ``iss``: public key of the account that signed it; times in seconds since 1970, 0:
    none.
    """

    sub: str = ""
    iss: str = ""
    iat: int = 0
    exp: int = 0
    nats: Rights = msgspec.field(default_factory=Rights)


class Credentials(msgspec.Struct, frozen=True):
    """``pair``: key pair of the sensor; ``certificate``: PEM, empty: unchanged when saved."""

    jwt: str
    pair: KeyPair
    certificate: str = ""

    @property
    def claims(self) -> Claims:
        return claims_of(self.jwt)

    def due(self, now: float) -> bool:
        """Whether the JWT is past half of its lifetime."""
        claims = self.claims
        return bool(claims.exp) and now > (claims.iat + claims.exp) / 2


def claims_of(jwt: str) -> Claims:
    """The claims of a JWT, whose signature the server checks. Raises ValueError if it is invalid."""
    try:
        body = jwt.split(".")[1]
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
    except (IndexError, binascii.Error, msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError("found no JWT") from error


def load_credentials(path: Path) -> Credentials:
    """Raises Retry with the path, without the content, if the file cannot be used."""
    try:
        with path.open("rb") as file:
            blocks = dict(_BLOCK.findall(file.read(_LIMIT).decode("ascii", "replace")))
        jwt = blocks["NATS USER JWT"]
        made = Credentials(jwt, KeyPair.of_seed(blocks["USER NKEY SEED"], USER))
        claims = claims_of(jwt)
    except OSError as error:
        raise Retry(f"the credentials {path} cannot be read: {error.strerror}; `sensor join` creates them") from None
    except (KeyError, ValueError):
        raise Retry(f"{path} contains no credentials of a hub: `sensor join` creates them") from None
    if claims.sub != made.pair.public:
        raise Retry(f"the JWT in {path} does not match the key of its seed: join the hub again")
    return made


def save_credentials(path: Path, made: Credentials) -> None:
    """Replace the files, each atomically, readable by their owner only. The certificate is first: after a crash
    between them, the new certificate and the earlier JWT have the same key. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if made.certificate:
        _replace(certificate_path(path), made.certificate + made.pair.pkcs8.decode())
    _replace(path, FILE.format(jwt=made.jwt, seed=made.pair.seed))
    path.with_name(path.name + ".pending").unlink(missing_ok=True)


def certificate_path(path: Path) -> Path:
    """File of the client certificate and its key. ``path``: of the credentials."""
    return path.with_name(path.name + ".pem")


def is_renewal_due(path: Path, found: Credentials, now: float) -> bool:
    """Whether credentials are past half of their lifetime, or have no certificate yet."""
    return found.due(now) or not certificate_path(path).exists()


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)


def load_operator(path: Path) -> str:
    """Public key of the operator whose configuration the sensor accepts; empty if unknown."""
    try:
        public = _beside(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return public if is_public(public, OPERATOR) else ""


def save_operator(path: Path, public: str) -> None:
    """Store the operator's key beside the credentials. Raises OSError."""
    if is_public(public, OPERATOR):
        _beside(path).write_text(public + "\n", encoding="ascii")


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".operator")


def pending_credentials(path: Path) -> Credentials:
    """The key of a sensor that wants to join: from its credentials or an earlier attempt, otherwise a new one, which is
    stored beside them for the next attempt. Raises OSError.
    """
    beside = path.with_name(path.name + ".pending")
    for found in (path, beside):
        try:
            seed = dict(_BLOCK.findall(found.read_text(encoding="ascii", errors="replace")))["USER NKEY SEED"]
            return Credentials("", KeyPair.of_seed(seed, USER))
        except (FileNotFoundError, KeyError, ValueError):
            continue
    made = Credentials("", KeyPair.generate(USER))
    save_credentials(beside, made)
    return made
