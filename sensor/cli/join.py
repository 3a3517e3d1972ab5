"""Join a hub: create the key pair of this sensor and have the hub sign it.

The private key never leaves this sensor. `sensor hub token` prints the token, which is valid for one sensor and one hour. If
another sensor has the same id, the operator of the hub approves this one; then run the same command again. The credentials are
readable by the user that runs `sensor forward`, which renews them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put, tidy

if TYPE_CHECKING:
    from sensor.outputs.hub_protocol.credentials import Credentials
    from sensor.outputs.hub_protocol.messages import Joining

EXAMPLES = """\
  sensor join tls://hub.example.net:4222 eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ…
  sensor join tls://hub.example.net:4222 - --ca /etc/sensor/hub-ca.pem
"""
FILE = "hub.creds"
TIMEOUT_S = 20.0
OUTPUT = """\
outputs:
  hub:
    type: hub
    servers: [{url}]
    credentials: {path}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="NATS server of the hub, such as tls://hub.example.net:4222")
    parser.add_argument("token", metavar="TOKEN", help="as `sensor hub token` prints it; - reads standard input")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration with id and site of this sensor (default: the system's)",
    )
    parser.add_argument("--ca", metavar="FILE", type=Path, help="CA certificates for the server's certificate (PEM)")
    parser.add_argument(
        "--sync",
        action="store_true",
        help="accept configuration that the hub's operator signed (`sensor sync`): creates the link fleet beside the configuration",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help=f"credentials (default: {FILE} in the state folder)"
    )


def main(args: argparse.Namespace) -> int:
    """Join; 1 if the hub refuses or must approve first, 2 for an invalid URL or configuration, 3 if the hub cannot be
    reached.
    """
    from sensor.core.output import Retry
    from sensor.eventlog.paths import state_folder
    from sensor.outputs.hub_protocol.credentials import (
        Credentials,
        certificate_path,
        save_credentials,
        save_operator,
    )
    from sensor.outputs.hub_protocol.joining import join

    path = (args.output or state_folder() / FILE).absolute()
    token = _token(args)
    requested, mine = _requested(args, path)
    if args.url.startswith("nats:"):
        complain("not encrypted: an eavesdropper could use the token first; use a tls:// URL", "warning")
    try:
        answer = join(args.url, args.ca, token, requested, TIMEOUT_S)
    except Retry as error:
        raise Exit(NOT_OPENED, f"the hub at {args.url} cannot be reached: {error}", error="hub.no-nats") from None
    if answer.state != "approved":
        pending, reason = answer.state == "pending", tidy(answer.reason, 200)
        state, code = ("waits for approval", "hub.pending") if pending else ("is refused", "hub.refused")
        raise Exit(NOT_FOUND, f"{requested.sensor} {state}: {reason}", error=code)
    try:
        save_credentials(path, Credentials(answer.jwt, mine.pair, answer.certificate))
        save_operator(path, answer.operator)
        for written in (path, certificate_path(path), path.with_name(path.name + ".operator")):
            _give_to_owner(written)
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot write {path}: {error.strerror}", error="file.not-written") from None
    put(f"joined as {requested.sensor} at {tidy(answer.site)}; credentials in {path}")
    if args.sync:
        _accept_configuration(args, path, answer.operator)
    complain("add this to the configuration, then restart `sensor forward`:", "info")
    put(OUTPUT.format(url=args.url, path=path) + (f"    tls: {{ ca: {args.ca.absolute()} }}" if args.ca else ""))
    return DONE


def _requested(args: argparse.Namespace, path: Path) -> tuple[Joining, Credentials]:
    """The enrolment request, with the key of an earlier attempt or a new one."""
    import sensor
    from sensor.cli._configuration import texts_of
    from sensor.config_file import usual
    from sensor.delivery.section import load_delivery
    from sensor.documents import DocumentErrors
    from sensor.outputs.hub_protocol.credentials import pending_credentials
    from sensor.outputs.hub_protocol.messages import Joining

    try:
        identity = load_delivery(usual(args.config), texts_of(args)).sensor
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise Exit(USAGE) from None
    try:
        mine: Credentials = pending_credentials(path)
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot write beside {path}: {error.strerror}", error="file.not-written") from None
    return Joining(mine.pair.public, identity.id, identity.site, sensor.__version__), mine


def _token(args: argparse.Namespace) -> str:
    """The token, validated with the URL before a key is created and stored."""
    import sys

    from sensor.outputs.hub_protocol.joining import check

    token: str = (sys.stdin.read() if args.token == "-" else args.token).strip()  # noqa: S105 - standard input
    try:
        check(args.url, args.ca, token)
    except ValueError as error:
        text = str(error)
        found = "" if text.startswith("found") else f"found {tidy(args.url, 200)}, "
        raise Exit(USAGE, found + text, error="usage.invalid-value") from None
    return token


def _accept_configuration(args: argparse.Namespace, path: Path, operator: str) -> None:
    """Create the link to the hub's layers, which are stored beside the credentials."""
    from sensor.config_file import SYSTEM
    from sensor.documents import FLEET, LAYERED

    config, kept = (args.config or SYSTEM).absolute(), path.parent / FLEET.parts[0]
    link = config.with_name(FLEET.parts[0])
    if config.name != LAYERED or not operator:
        found = (
            f"found {config}, expected a file named {LAYERED}"
            if operator
            else "the hub did not send the key of its operator"
        )
        raise Exit(USAGE, f"joined, but --sync is not set up: {found}", error="hub.no-sync")
    try:
        kept.mkdir(mode=0o750, exist_ok=True)
        _give_to_owner(kept)
        if link != kept and not link.is_symlink():
            link.symlink_to(kept)
    except OSError as error:
        raise Exit(
            NOT_OPENED, f"joined, but cannot create {link}: {error.strerror}", error="file.not-written"
        ) from None
    put(f"configuration is accepted if {operator} signed it; versions in {kept}")
    complain("start `sensor sync` once the output below is configured", "info")


def _give_to_owner(path: Path) -> None:
    """Change its owner to that of the folder, if root joins for a service."""
    if os.geteuid() == 0 and path.exists():
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
