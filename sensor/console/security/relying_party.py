"""The console as a relying party of Web Authentication (W3C, Level 3): options for browsers, and checks of their
responses. Needs the package webauthn.

User verification (PIN or biometrics) is required, attestation is not requested. Origin and RP ID come from the
configuration, never from a request.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from sensor.console.listen_address import ListenAddress
from sensor.core.reader import clean

NAME = "sensor"
REASON_LIMIT = 200
# Longest response of a browser, in characters; an attestation with certificates has a few thousand.
LONGEST = 64 << 10
# What webauthn and cryptography raise for keys, certificates and JSON of unexpected content.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class BadPasskey(Exception):
    """A response that is not accepted; the text has the reason."""


class Party(NamedTuple):
    """``id``: the RP ID, a host name; ``origin``: of the console's pages."""

    id: str
    origin: str


class Claims(NamedTuple):
    """``credential``: its id; ``handle``: of the user, empty in the response to a registration."""

    challenge: bytes
    credential: bytes
    handle: bytes


class Registered(NamedTuple):
    """``id``: of the credential; ``key``: its public key (COSE); ``counter``: of its signatures."""

    id: bytes
    key: bytes
    counter: int


def party_of(place: ListenAddress) -> Party | None:
    """The relying party; None if browsers permit no passkeys at the console's URL, or if webauthn is not installed.

    Browsers permit them with HTTPS and a host name, or at ``http://localhost``, which serves consoles on loopback.
    """
    found = urlsplit(place.public)
    host, port = found.hostname or "", found.port
    if find_spec("webauthn") is None:
        return None
    if found.scheme == "http" and _is_loopback(host):
        host = "localhost"
    if _is_address(host) or (found.scheme == "http" and host != "localhost"):
        return None
    usual = {"http": 80, "https": 443}[found.scheme]
    return Party(host, f"{found.scheme}://{host}{'' if port in (None, usual) else f':{port}'}")


def registration_options(party: Party, user: str, handle: bytes, challenge: bytes, known: Sequence[bytes]) -> str:
    """Options for ``navigator.credentials.create()``, as JSON. ``known``: credentials that the user has."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers import structs

    required = structs.UserVerificationRequirement.REQUIRED
    options = generate_registration_options(
        rp_id=party.id, rp_name=NAME, user_name=user, user_id=handle, challenge=challenge,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED, user_verification=required
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
    )  # fmt: skip
    return options_to_json(options)


def login_options(party: Party, challenge: bytes) -> str:
    """Options for ``navigator.credentials.get()``, as JSON: any passkey of this console."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    required = UserVerificationRequirement.REQUIRED
    return options_to_json(
        generate_authentication_options(rp_id=party.id, challenge=challenge, user_verification=required)
    )


def registered(party: Party, response: str, challenge: bytes) -> Registered:
    """The credential of a response. Raises BadPasskey."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = verify_registration_response(
            credential=response, expected_challenge=challenge, expected_rp_id=party.id, expected_origin=party.origin,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, *MALFORMED) as error:
        raise BadPasskey(_reason(error)) from None
    return Registered(found.credential_id, found.credential_public_key, found.sign_count)


def counter_of(party: Party, response: str, challenge: bytes, key: bytes, counter: int) -> int:
    """The signature counter of a login with a credential whose key and counter are known. Raises BadPasskey."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        return verify_authentication_response(
            credential=response, expected_challenge=challenge, expected_rp_id=party.id, expected_origin=party.origin,
            credential_public_key=key, credential_current_sign_count=counter, require_user_verification=True,
        ).new_sign_count  # fmt: skip
    except (WebAuthnException, *MALFORMED) as error:
        raise BadPasskey(_reason(error)) from None


def claims_of(response: str, *, login: bool) -> Claims:
    """What the response to a login or to a registration claims; nothing of it is verified. Raises BadPasskey."""
    from webauthn import helpers
    from webauthn.helpers.exceptions import WebAuthnException

    if len(response) > LONGEST:
        raise BadPasskey(f"the response has more than {LONGEST:,} characters")
    parsed = helpers.parse_authentication_credential_json if login else helpers.parse_registration_credential_json
    try:
        found = parsed(response)
        client = helpers.parse_client_data_json(found.response.client_data_json)
    except (WebAuthnException, *MALFORMED) as error:
        raise BadPasskey(_reason(error)) from None
    return Claims(client.challenge, found.raw_id, getattr(found.response, "user_handle", None) or b"")


def _reason(error: Exception) -> str:
    return clean(str(error), REASON_LIMIT) or type(error).__name__


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_loopback
