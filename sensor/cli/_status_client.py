"""Requests the status of a running sensor over its unix socket, with limits of size and time."""

from __future__ import annotations

import argparse
import contextlib
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

ANSWER_LIMIT = 8 << 20
TIMEOUT_S = 5.0
# How long a sensor may take until its first status, and how often it is queried meanwhile.
STARTING_S, AGAIN_S = 3.0, 0.1
# The socket in the run-time folder of systemd (RuntimeDirectory=sensor).
SYSTEM = Path("/run/sensor/sensor.sock")

Status = dict[str, Any]


class NotRunning(Exception):
    """No sensor responds with its status; the text contains its path."""


class NotPermitted(Exception):
    """A sensor may be running, but access to its socket is denied."""


class Locations(NamedTuple):
    """Locations: sockets in the order in which they are tried, the state folder, the event log, names of enabled
    outputs, and threat lists.
    """

    sockets: list[Path]
    state: Path
    log: Path
    outputs: tuple[str, ...] = ()
    intel: tuple[Path, ...] = ()


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration of the sensor (default: the system's)",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="its state folder (default: state: of the configuration, else as for other commands)",
    )
    parser.add_argument(
        "--socket",
        metavar="FILE",
        type=Path,
        help="its socket (default: telemetry: of the configuration, else sensor.sock in /run/sensor or the state "
        "folder)",
    )


def place_of(args: argparse.Namespace) -> Locations | None:
    """Locations from the arguments and the configuration. A running sensor continues if its configuration becomes
    invalid: it is still queried if its location is known without the configuration; otherwise None after printing the
    errors.
    """
    from sensor.config_file import usual
    from sensor.datasets.live import live_log
    from sensor.eventlog.paths import folder_to_read

    path = usual(args.config)
    if path is None:  # the defaults, without reading a configuration
        state = args.state or folder_to_read()
        return Locations(_sockets(args, state), state, live_log(state, moved=False))
    from sensor.cli._configuration import configuration
    from sensor.cli._setup import complain, complain_of_faults
    from sensor.config import Config
    from sensor.documents import DocumentErrors

    try:
        config = configuration(args)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        if args.config is not None and args.state is None and args.socket is None:
            complain(
                (
                    "the socket of the sensor is unknown: specify it with --state DIR or --socket FILE; a running "
                    "sensor is not affected"
                ),
                error="config.missing",
            )
            return None
        config = Config()
    state = args.state or config.state or folder_to_read()
    sockets = [config.telemetry.socket] if config.telemetry.socket and not args.socket else _sockets(args, state)
    outputs = tuple(name for name, options in config.outputs.items() if options.delivers)
    log = config.events or live_log(state, moved=args.state is None)
    return Locations(sockets, state, log, outputs, tuple(config.intel))


def _sockets(args: argparse.Namespace, state: Path) -> list[Path]:
    """The given socket, otherwise the default ones."""
    from sensor.telemetry.listen import usual_socket

    return (
        [args.socket]
        if args.socket
        else list(dict.fromkeys((usual_socket(state), usual_socket(state, ""), *([] if args.state else [SYSTEM]))))
    )


def status_of(sockets: list[Path]) -> Status:
    """The status from the first socket that responds. Raises NotRunning or NotPermitted if none does."""
    import http.client

    barred, silent = list[Path](), list[Path]()
    for path in sockets:
        try:
            found = _first_status(path)
            if found is not None:
                return found
            silent.append(path)
        except PermissionError:
            barred.append(path)
        except (OSError, http.client.HTTPException, ValueError):
            continue
    if silent:
        what = f"the sensor at {silent[0]} has reported no status for {STARTING_S:g} s"
        raise NotRunning(f"{what}: try again, or read its messages (of a service: journalctl -u 'sensor*')")
    if barred:
        raise NotPermitted(f"no permission to query {barred[0]}: run the command as root or a member of its group")
    raise NotRunning(f"no sensor is running: no answer at {' or '.join(map(str, sockets))}")


def _first_status(path: Path) -> Status | None:
    """The status from a socket; None if the sensor has none yet. One that has just started is waited for. Raises
    OSError, HTTPException or ValueError if no sensor responds.
    """
    import http.client
    import json

    until = time.monotonic() + STARTING_S
    while True:
        code, body = _answer(path)
        if code == http.client.OK and isinstance(found := json.loads(body), dict):
            return found
        if code != http.client.SERVICE_UNAVAILABLE:
            raise ValueError(f"HTTP status {code}")
        if time.monotonic() >= until:
            return None
        time.sleep(AGAIN_S)


def _answer(path: Path) -> tuple[int, bytes]:
    """HTTP status and body. Raises OSError or HTTPException."""
    import http.client

    connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT_S)
    with contextlib.closing(connection):
        connection.sock = _connected(path)
        connection.request("GET", "/status.json")
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_LIMIT)


def _connected(path: Path) -> socket.socket:
    """A connected unix socket. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(TIMEOUT_S)
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock
