"""Serve the web console and its API.

The console listens on 127.0.0.1:8765 unless --listen names another address or a unix socket. Other hosts reach it only with TLS (--cert, --key), through a
proxy with TLS (--public-url), or through an SSH tunnel. It prints a link that logs in once and is valid for 15 minutes; `login` prints another. It reads
datasets, and stores states, verdicts and comments of alerts, as `sensor alerts` does. It needs the extra `console`.

actions:
  serve                 run the console until it is stopped (default)
  login [NAME]          print a one-time login link for a running console
  token NAME            create an API token, and print it once
  tokens                list tokens
  messages [LANGUAGE]   print the message catalogue for translators, with existing translations
  revoke TOKEN-ID…      revoke tokens
  sites NAME [SITE…]    with --hub: set the sites that a user or token may read; '*': all

exit codes: 0 done, 1 unknown token, 2 wrong usage, 3 the address or a file cannot be used, or the extra is not installed, 4 no permission
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sensor.cli._actions import action_of, function_of, has_arguments
from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._setup import complain
from sensor.cli._show import add_json_argument

EXAMPLES = """\
  sensor console
  sensor console --listen 0.0.0.0:8443 --cert cert.pem --key key.pem --public-url https://sensor.example.net:8443
  sensor console login anna --scope read
  sensor console token grafana --days 365
  sensor console --hub /etc/sensor/hub/hub.yaml --state /var/lib/sensor-hub
  sensor console sites anna Berlin Paris --hub /etc/sensor/hub/hub.yaml
  sensor console sites eve '*' --hub /etc/sensor/hub/hub.yaml
  curl -H 'Authorization: Bearer sensor_...' http://127.0.0.1:8765/api/v1/alerts
"""
# Action → (function, number of arguments; None: one or more).
# Function, number of arguments and their names.
ACTIONS: dict[str, tuple[str, range | None, str]] = {
    "serve": ("serve", range(1), ""),
    "login": ("login", range(2), "[NAME]"),
    "token": ("token", range(1, 2), "NAME"),
    "tokens": ("tokens", range(1), ""),
    "messages": ("messages", range(2), "[LANGUAGE]"),
    "revoke": ("revoke", None, "TOKEN-ID…"),
    "sites": ("sites", None, "NAME [SITE…]"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operands", metavar="ACTION", nargs="*", help="action with its arguments (default: serve)")
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        default="127.0.0.1:8765",
        help="ADDRESS:PORT or unix:/PATH (default: 127.0.0.1:8765)",
    )
    parser.add_argument("--cert", metavar="FILE", type=Path, help="certificate chain (PEM), for TLS")
    parser.add_argument("--key", metavar="FILE", type=Path, help="key of the certificate (PEM)")
    parser.add_argument(
        "--public-url",
        metavar="URL",
        default="",
        help="URL that browsers use, if it differs: a host name, a proxy or a tunnel",
    )
    _add_access_arguments(parser)
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="configuration whose networks: and tickets: apply (default: the system's)",
    )
    parser.add_argument(
        "--data", metavar="NAME", default="", help="dataset that is shown first (default: as for other commands)"
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="state folder (default: $SENSOR_STATE, else ~/.local/state/sensor, else that of the service)",
    )
    parser.add_argument(
        "--hub",
        metavar="FILE",
        type=Path,
        help="configuration of a hub: show the devices, alerts and incidents of all its sensors, with the users that its consoles share (needs "
        "the extra hub)",
    )
    add_json_argument(parser)


def _add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for users and their permissions."""
    parser.add_argument(
        "--proxy-user",
        metavar="HEADER",
        default="",
        help="header in which a proxy names the user that it authenticated, such as X-Forwarded-User",
    )
    parser.add_argument(
        "--proxy-from",
        metavar="PEER",
        action="append",
        default=[],
        help="peer whose --proxy-user header counts: an address, a network, or unix; may be repeated",
    )
    parser.add_argument(
        "--proxy-role",
        choices=("viewer", "analyst", "administrator"),
        default="",
        help="role of users of the proxy without an account in the console (default: they are rejected)",
    )
    parser.add_argument(
        "--lang",
        metavar="LANGUAGE",
        default="",
        help="language of all pages: en, or one whose catalogue is in `messages` of the state folder (default: the one that "
        "the browser prefers)",
    )
    parser.add_argument(
        "--scope",
        choices=("read", "write", "admin"),
        help="permissions of a link or a token; admin: manage users too (default: admin for the link that is printed at the "
        "start, write for another, read for a token)",
    )
    parser.add_argument(
        "--days", metavar="NUMBER", type=float, default=90.0, help="of token: days until it expires (default: 90)"
    )


def main(args: argparse.Namespace) -> int:
    """Run the action of the first argument."""
    if not action_of(args, ACTIONS, "serve"):
        return USAGE
    name, count, form = ACTIONS[args.action]
    if not has_arguments(args, count, form):
        return USAGE
    from sensor.views.errors import NotReadable

    try:
        return function_of("_console", name)(args)
    except NotReadable as error:
        complain(str(error), error="console.keys" if args.hub is None else "hub.no-database")
        return NOT_OPENED
