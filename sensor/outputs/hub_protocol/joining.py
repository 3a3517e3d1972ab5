"""Joining a hub over its NATS server, with an enrolment token that permits nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sensor.core.output import Retry
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.certificates import is_admission_of, operator_of
from sensor.outputs.hub_protocol.credentials import claims_of
from sensor.outputs.hub_protocol.messages import Admission, Joining, subject
from sensor.outputs.hub_protocol.tokens import bearer_of, tls_of
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import place_of, server_url
from sensor.outputs.transport.nats_wire import NoResponders, Wire
from sensor.outputs.transport.tls import Tls


def check(url: str, ca: Path | None, token: str) -> None:
    """Raises ValueError if URL or token is invalid."""
    place_of(server_url(url), Tls(ca=ca))
    with tls_of(token, Tls(ca=ca)):
        pass


def join(url: str, ca: Path | None, token: str, requested: Joining, timeout_s: float) -> Admission:
    """Request enrolment and return the hub's response, without an operator that the hub did not sign. Raises ValueError
    if URL or token is invalid; Retry if the hub cannot be reached.
    """
    jwt, bearer = bearer_of(token)
    with tls_of(token, Tls(ca=ca)) as tls:
        wire = Wire(place_of(server_url(url), tls), Login(bearer=jwt), f"_INBOX_{bearer}", timeout_s)
    try:
        body = wire.request(subject(messages.JOIN, bearer), msgspec.to_builtins(requested))
        answer = msgspec.json.decode(body, type=Admission)
    except NoResponders:
        raise Retry("no worker of the hub runs: `sensor hub run` starts one") from None
    except msgspec.MsgspecError:
        raise Retry("invalid answer: is it the server of a hub?") from None
    finally:
        wire.close()
    account = claims_of(jwt).iss
    if answer.state == "approved" and not is_admission_of(answer, requested.key, account):
        raise Retry("invalid credentials: signed by a different hub, or for a different key")
    return msgspec.structs.replace(answer, operator=operator_of(answer, requested.key, account))
