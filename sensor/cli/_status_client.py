"""Asks a running sensor how it fares: over its unix socket, with bounds in size and time."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sensor.config import Config

ANSWER_LIMIT = 8 << 20
PATIENCE_S = 5.0
# Where the socket is that systemd made room for (RuntimeDirectory=sensor).
SYSTEM = Path("/run/sensor/sensor.sock")

Status = dict[str, Any]


class NotRunning(Exception):
    """Nobody answers; in words, where."""


class NotPermitted(Exception):
    """Somebody may answer there, and we may not ask."""


class Place(NamedTuple):
    """Where to look: sockets in the order in which they are tried, the state folder, and the event log."""

    sockets: list[Path]
    state: Path
    log: Path
    config: Config


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration (YAML) of the sensor (default: that of the system, if any)")
    parser.add_argument("--state", metavar="DIR", type=Path, help="its state folder (default: state: of the configuration, else the usual one)")
    parser.add_argument("--socket", metavar="FILE", type=Path, help="its socket (default: telemetry: of the configuration, else in the usual places)")


def place_of(args: argparse.Namespace) -> Place | None:
    """What the arguments and the configuration say. A running sensor goes on where its configuration has become wrong: it is asked all the same where its
    place is known without; None where that is not so, after the errors were told.
    """
    from sensor.cli._setup import complain, complain_of_faults
    from sensor.config import Config, load_config, usual
    from sensor.documents import DocumentErrors
    from sensor.eventlog.paths import RUN_LOG, folder_to_read
    from sensor.telemetry.listen import usual_socket

    try:
        config = load_config(usual(args.config))
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        if args.config is not None and args.state is None and args.socket is None:
            complain("the socket of the sensor is unknown: name it with --state DIR or --socket FILE; a running sensor is not affected", error="config.missing")
            return None
        config = Config()
    state = args.state or config.state or folder_to_read()
    named = args.socket or config.telemetry.socket
    sockets = [named] if named else list(dict.fromkeys((usual_socket(state), usual_socket(state, ""), *([] if args.state else [SYSTEM]))))
    return Place(sockets, state, config.events or state / RUN_LOG, config)


def status_of(sockets: list[Path]) -> Status:
    """The status of the first that answers. NotRunning or NotPermitted where none does."""
    import http.client
    import json

    barred: Path | None = None
    for path in sockets:
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_S)
        try:
            connection.sock = _connected(path)
            connection.request("GET", "/status.json")
            answer = connection.getresponse()
            body = answer.read(ANSWER_LIMIT)
            if answer.status == http.client.OK and isinstance(found := json.loads(body), dict):
                return found
        except PermissionError:
            barred = barred or path
        except (OSError, http.client.HTTPException, ValueError):
            continue
        finally:
            connection.close()
    if barred is not None:
        raise NotPermitted(f"no permission to query {barred}: run the command as root or a member of its group")
    raise NotRunning(f"nothing answers at {' or '.join(map(str, sockets))}")


def _connected(path: Path) -> socket.socket:
    """A unix socket that somebody listens at. OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock
