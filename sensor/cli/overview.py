"""Show the site on one page: devices, incidents, exposure, weaknesses, coverage gaps, and the fixes that help most.

It is the overview of the console as text: devices by type, and those that are new; open incidents, alerts and recommendations by
severity; the exposure score with its most effective fixes; CVEs; and traffic that the sensor could not see. Every line shows the command
that lists the details.

exit codes: 0 done, 2 the configuration is invalid, 3 nothing to read, 6 the dataset has no event log
"""

from __future__ import annotations

import argparse

from sensor.cli._codes import NOT_OPENED
from sensor.cli._known import add_site_arguments
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor overview
  sensor overview --data before-the-change
  sensor overview --json | jq .exposure.points
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json_argument(parser)
    add_site_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Print the overview; 3 if there is nothing to read, 6 without an event log."""
    import sqlite3

    from sensor.cli._data import now_of
    from sensor.cli._overview_text import overview_of, put_json, put_text
    from sensor.cli._site import picture_of
    from sensor.cli._views import stop_of, views_of
    from sensor.core.time_units import SECOND

    data = views_of(args, "alerts")
    picture = picture_of(args)
    if picture is None:
        return NOT_OPENED
    try:
        found = overview_of(data, picture, int(now_of(args).timestamp()) * SECOND)
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    (put_json if args.json else put_text)(found)
    return 0
