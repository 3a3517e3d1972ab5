"""Install or remove the systemd units, for an installation from a wheel; the Debian package contains them.

actions:
  status                       show the units, their location and status (without an action)
  install                      write the units with the path of this program, create the user `sensor`, and a configuration with everything commented out
  uninstall                    stop the service and remove its units; configuration, state and user are kept

Installation starts nothing: `systemctl enable --now sensor.target` does; sensor-mirror@INTERFACE configures a mirror port,
sensor-update.timer updates threat lists and vulnerability data once a day. Change a unit with a drop-in (`systemctl edit sensor`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from sensor.cli._actions import is_action
from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument, put

EXAMPLES = """\
  sudo /opt/sensor/bin/sensor service install
  sensor service
  sensor service status --json | jq -r 'select(.state != "active") | .unit'
  sudo sensor service uninstall
"""
ACTIONS = ("status", "install", "uninstall")
FORBIDDEN = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="ACTION", nargs="?", default="status", help="action (default: status)")
    parser.add_argument(
        "--root",
        metavar="DIR",
        type=Path,
        default=Path("/"),
        help="of install and uninstall: root folder of the system (default: /)",
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action; 1 if no service is installed or running, 2 for invalid arguments, 3 if this system does not
    support it, 4 without permission.
    """
    if not is_action(args.action, ACTIONS):
        return USAGE
    if args.action == "status":
        return _status(args)
    if args.root == Path("/") and os.geteuid() != 0:
        complain(
            f"only root may {args.action} a service: sudo {_program()} service {args.action}", error="permission.denied"
        )
        return FORBIDDEN
    action = _install if args.action == "install" else _uninstall
    return _tried(lambda: action(args.root))


def _tried(action: Callable[[], int]) -> int:
    """The exit code; errors are printed on one line."""
    from sensor.cli._service_units import CannotServe

    try:
        return action()
    except CannotServe as error:
        complain(str(error), error="service.failed")
        return NOT_OPENED
    except PermissionError as error:
        complain(f"cannot write {error.filename}: {error.strerror}; run the command as root", error="permission.denied")
        return FORBIDDEN
    except OSError as error:
        complain(f"cannot write {error.filename}: {error.strerror}", error="file.not-written")
        return NOT_OPENED


def _install(root: Path) -> int:
    from sensor.cli._service_units import check_program, configure, make_user, packaged, systemctl, write_units

    if unit := packaged(root):
        complain(f"{unit} exists, from a package", error="service.installed")
        return USAGE
    program = check_program(_program())
    for step in (write_units(root, program), make_user(root), configure(root)):
        for line in step:
            put(line)
    if root == Path("/"):
        systemctl("daemon-reload")
    put(
        "no service was started; next: sensor config init --force; systemctl enable --now sensor-mirror@INTERFACE sensor.target"
    )
    return 0


def _uninstall(root: Path) -> int:
    from sensor.cli._service_units import HUB, MIRROR, UNITS, remove_units, systemctl, written

    there = written(root)
    if not there:
        complain(
            f"no units of the sensor in {root / 'etc/systemd/system'}: nothing to remove", error="service.not-installed"
        )
        return NOT_FOUND
    if root == Path("/"):
        systemctl("disable", "--now", *(unit for unit in UNITS if unit not in (MIRROR, HUB)))
        systemctl("stop", HUB.replace("@", "@*"))
        systemctl("disable", MIRROR, HUB)  # all of their instances; changes to interfaces remain
    for line in remove_units(root):
        put(line)
    if root == Path("/"):
        systemctl("daemon-reload")
    put(f"kept: {root / 'etc/sensor'}, {root / 'var/lib/sensor'}, {root / 'var/log/sensor'} and the user sensor")
    return 0


def _status(args: argparse.Namespace) -> int:
    from sensor.cli._service_units import states
    from sensor.cli._table import table

    found = states()
    if found is None:
        complain("systemd is not running; use `sensor run` in the foreground", error="service.no-systemd")
        return NOT_OPENED
    if not found:
        complain("no service is installed: sensor service install", error="service.not-installed")
        return NOT_FOUND
    if args.json:
        import json

        for one in found:
            put(json.dumps(one, separators=(",", ":")))
    else:
        columns = ("unit", "state", "since", "starts at boot", "PID", "memory", "restarts", "status text")
        put(table(columns, [[one.get(key, "") for key in KEYS] for one in found], sys.stdout))
    wanted = [one for one in found if one["unit"] == "sensor.service" or one["boot"] == "enabled"]
    return 0 if all(one["state"] == "active" for one in wanted) else NOT_FOUND


KEYS = ("unit", "state", "since", "boot", "pid", "memory", "restarts", "status_text")


def _program() -> Path:
    """The command for the units: beside the interpreter of its environment."""
    return Path(sys.executable).parent / "sensor"
