"""Show the status of the sensor: traffic, losses, devices, alerts, log, outputs, lists, rules and faults.

The running sensor is queried at its socket. If none runs, the command reports this, and shows the state folder, the log and the
outputs. With --json everything is one object, with `running` first.

exit codes: 0 running without faults, 1 not running, 2 usage or configuration error, 4 no permission to query, 5 a persistent fault
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from sensor.cli._codes import USAGE
from sensor.cli._show import add_json_argument
from sensor.cli._status_client import Locations, NotPermitted, NotRunning, add_place_arguments, place_of, status_of

EXAMPLES = """\
  sensor status
  sensor status --config /etc/sensor/sensor.yaml
  sensor status --json | jq .traffic
"""
NOT_RUNNING, NOT_PERMITTED, UNHEALTHY = 1, 4, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_place_arguments(parser)
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Request the status, and print it."""
    from sensor.cli._setup import complain
    from sensor.cli._status_text import is_healthy, screen

    place = place_of(args)
    if place is None:
        return USAGE
    try:
        status = status_of(place.sockets)
    except NotPermitted as error:
        complain(str(error), error="permission.denied")
        return NOT_PERMITTED
    except NotRunning as error:
        return _at_rest(args, place, str(error))
    now = time.time()
    print(json.dumps({"running": True, **status}) if args.json else screen(status, sys.stdout, now))
    return 0 if is_healthy(status, now) else UNHEALTHY


def _at_rest(args: argparse.Namespace, place: Locations, why: str) -> int:
    """Print what is known if no sensor runs."""
    from sensor.cli._status_stopped import rest, rest_screen

    known = rest(place)
    print(json.dumps({"running": False, **known}) if args.json else rest_screen(known, why, sys.stdout, time.time()))
    return NOT_RUNNING
