"""Connections of a sensor to its hub, with the credentials from `sensor join`, and their renewal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import msgspec

from sensor.core.output import Retry
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.certificates import is_admission_of, operator_of
from sensor.outputs.hub_protocol.credentials import (
    Credentials,
    certificate_path,
    is_renewal_due,
    load_credentials,
    load_operator,
    save_credentials,
    save_operator,
)
from sensor.outputs.hub_protocol.messages import Admission, subject
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import place_of
from sensor.outputs.transport.nats_wire import NatsServer, Wire, first_of
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls


class HubOptions(Protocol):
    """Options of the output ``hub`` that a connection needs."""

    credentials: Path
    tls: Tls
    tls_first: bool
    timeout_s: float


def connect(servers: list[str], key: str, options: HubOptions) -> Wire:
    """Connect to the first server that accepts the credentials, and move it to the front of ``servers``.
    Raises Retry.
    """
    login = Login(credentials=Secret(f"file:{Path(options.credentials).absolute()}"))
    inbox = f"_INBOX_{key}"
    return first_of(servers, lambda url: Wire(place(url, options), login, inbox, options.timeout_s))


def connect_allowed(servers: list[str], options: HubOptions, kind: str) -> Wire:
    """A connection with permission to publish to the sensor's subject of a kind; renews credentials that are due, or
    of an earlier version. Raises Retry.
    """
    path = Path(options.credentials)
    credentials = load_credentials(path)
    key = credentials.pair.public
    wire = connect(servers, key, options)
    allowed = subject(kind, key) in credentials.claims.nats.pub.allow and load_operator(path)
    if allowed and not is_renewal_due(path, credentials, time.time()):
        return wire
    try:
        renew(wire, path, credentials)
    finally:
        wire.close()
    return connect(servers, key, options)


def place(url: str, options: HubOptions) -> NatsServer:
    """The server, with the client certificate of the credentials unless the options name another."""
    tls, certificate = options.tls, certificate_path(Path(options.credentials))
    if tls.certificate is None and certificate.exists():
        tls = tls.model_copy(update={"certificate": certificate})
    return place_of(url, tls, tls_first=options.tls_first)


def renew(wire: Wire, path: Path, credentials: Credentials) -> None:
    """Get a new JWT and certificate for the same key. If the hub issues none now, the current ones are valid for half
    of their lifetime. Raises Retry if the files cannot be written.
    """
    key = credentials.pair.public
    try:
        answer = msgspec.json.decode(wire.request(subject(messages.RENEW, key)), type=Admission)
        if is_admission_of(answer, key, credentials.claims.iss):
            save_credentials(path, Credentials(answer.jwt, credentials.pair, answer.certificate))
            if not load_operator(path):  # joined with an earlier version
                save_operator(path, operator_of(answer, key, credentials.claims.iss))
    except (Retry, msgspec.MsgspecError, ValueError):
        return
    except OSError as error:
        raise Retry(f"renewed credentials cannot be written to {error.filename}: {error.strerror}") from None
