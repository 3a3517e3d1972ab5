"""Keys and JWTs without a server: formats, permissions, and signatures."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace

from sensor.hub import jwts
from sensor.outputs.hub_protocol.certificates import operator_of, sign_operator
from sensor.outputs.hub_protocol.messages import Admission
from sensor.outputs.transport.nkeys import ACCOUNT, OPERATOR, USER, KeyPair, is_public

ACCOUNT_PAIR = KeyPair(ACCOUNT, bytes(32))
NOW = 1_800_000_000


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(public: str, data: bytes, signature: str) -> None:
    """Raises InvalidSignature unless the owner of the public key signed the data."""
    Ed25519PublicKey.from_public_bytes(base64.b32decode(public)[1:-2]).verify(decoded(signature), data)


def claims(jwt: str, issuer: str) -> dict[str, Any]:
    """The claims, after a check of the issuer's signature as in a NATS server."""
    signed, _, signature = jwt.rpartition(".")
    check(issuer, signed.encode(), signature)
    found: dict[str, Any] = json.loads(decoded(signed.partition(".")[2]))
    return found


@pytest.mark.parametrize(("kind", "letter"), [(OPERATOR, "O"), (ACCOUNT, "A"), (USER, "U")])
def test_keys_have_the_letter_of_their_kind(kind: int, letter: str) -> None:
    """Public keys and seeds have the letter of their kind, seeds after an S; each is only read as its own kind."""
    pair = KeyPair.generate(kind)
    assert (pair.public[0], pair.seed[:2]) == (letter, f"S{letter}")
    assert (len(pair.public), len(pair.seed)) == (56, 58)
    assert KeyPair.of_seed(pair.seed, kind).public == pair.public
    assert [is_public(pair.public, other) for other in (OPERATOR, ACCOUNT, USER)].count(True) == 1
    with pytest.raises(ValueError, match="nkey"):
        KeyPair.of_seed(pair.seed, USER if kind == OPERATOR else OPERATOR)


def test_a_typing_error_is_noticed() -> None:
    """The checksum detects it; the message does not contain the seed."""
    seed = KeyPair.generate(USER).seed
    invalid = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    with pytest.raises(ValueError, match="checksum") as caught:
        KeyPair.of_seed(invalid, USER)
    assert invalid[:10] not in str(caught.value)
    assert not is_public("U!", USER)


def test_a_sensor_may_use_its_own_subjects_and_no_others() -> None:
    user = KeyPair.generate(USER).public
    found = claims(jwts.sensor_jwt(ACCOUNT_PAIR, user, "a", NOW), ACCOUNT_PAIR.public)
    assert found["sub"] == user
    assert found["exp"] - found["iat"] == 30 * 86_400
    assert found["nats"]["pub"] == {
        "allow": [f"hub.{kind}.{user}" for kind in ("events", "ask", "renew", "configure", "file", "found.*")]
    }
    assert found["nats"]["sub"] == {"allow": [f"hub.commits.{user}", f"hub.hunt.{user}", f"_INBOX_{user}.>"]}


def test_a_token_may_ask_to_join_for_an_hour() -> None:
    user = KeyPair.generate(USER).public
    found = claims(jwts.token_jwt(ACCOUNT_PAIR, user, "HQ", NOW), ACCOUNT_PAIR.public)
    assert found["exp"] - NOW == 3600
    assert found["nats"]["pub"] == {"allow": [f"hub.join.{user}"]}
    assert found["nats"]["bearer_token"] is True


def test_the_signature_covers_the_claims() -> None:
    jwt = jwts.sensor_jwt(ACCOUNT_PAIR, KeyPair.generate(USER).public, "a", NOW)
    with pytest.raises(InvalidSignature):
        claims(jwt, KeyPair.generate(ACCOUNT).public)
    head, body, signature = jwt.split(".")
    with pytest.raises(InvalidSignature):
        claims(f"{head}.{body[:-4]}AAAA.{signature}", ACCOUNT_PAIR.public)


def test_the_operator_is_the_one_that_the_account_signed() -> None:
    """A NATS server that replaces key or signature, or a hub of an earlier version, gives a sensor none."""
    user, other = KeyPair.generate(USER).public, KeyPair.generate(USER).public
    operator, forged = KeyPair.generate(OPERATOR).public, KeyPair.generate(OPERATOR).public
    signature = sign_operator(operator, ACCOUNT_PAIR, user)
    own = Admission("approved", operator=operator, operator_signature=signature)
    assert operator_of(own, user, ACCOUNT_PAIR.public) == operator
    untrusted = KeyPair.generate(ACCOUNT)
    for answer, sensor, account in (
        (own, other, ACCOUNT_PAIR.public),
        (own, user, untrusted.public),
        (replace(own, operator=forged), user, ACCOUNT_PAIR.public),
        (replace(own, operator_signature=sign_operator(operator, untrusted, user)), user, ACCOUNT_PAIR.public),
        (replace(own, operator_signature=""), user, ACCOUNT_PAIR.public),
        (replace(own, operator_signature="\u00e9"), user, ACCOUNT_PAIR.public),
    ):
        assert operator_of(answer, sensor, account) == ""
