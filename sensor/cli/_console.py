"""The actions of `sensor console`."""

from __future__ import annotations

import argparse
import getpass
import importlib.util
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Stop
from sensor.cli._data import VARIABLE, folders_of, migrated
from sensor.cli._records import print_json
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put, tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.console.assess import Assessing
    from sensor.console.place import Place
    from sensor.console.security.keys import Keys
    from sensor.console.security.oidc_provider import Provider
    from sensor.console.security.proxy import Proxy

NEEDED = ("starlette", "uvicorn")
MISSING = "needs the packages starlette and uvicorn: pip install 'passive-network-sensor[console]'"
NO_OIDC = "console.oidc needs the package Authlib: pip install 'passive-network-sensor[oidc]'"
LONGEST_DAYS = 3660


def serve(args: argparse.Namespace) -> int:
    """Run until stopped."""
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        complain(f"this command {MISSING}", error="console.not-installed")
        return NOT_OPENED
    from sensor.console.serve import console_of
    from sensor.console.serve import serve as run
    from sensor.runtime.notify import Notifier

    state, place, notifier = _state(args), _place(args), Notifier()
    path, config = _config(args)
    mutes = None if args.state else config.alerts.mutes
    usual, oidc = args.data or os.environ.get(VARIABLE, ""), _oidc(config)
    try:
        console = console_of(state, place, usual, _assessing(config), mutes, path, _proxy(args), oidc)
    except sqlite3.Error as error:
        raise Stop(
            NOT_OPENED, f"cannot open the keys of the console in {state}: {error}", error="console.keys"
        ) from None

    def ready(there: Place) -> None:
        _greet(args, there, console.keys)
        notifier.ready()

    try:
        run(console, ready, notifier.beat)
    except ValueError as error:  # BadPlace: the certificate
        raise Stop(NOT_OPENED, str(error), error="console.not-possible") from None
    except PermissionError:
        raise
    except OSError as error:
        raise Stop(
            NOT_OPENED, f"cannot listen on {args.listen}: {error.strerror}", error="console.not-possible"
        ) from None
    finally:
        notifier.close()
    return 0


def _config(args: argparse.Namespace) -> tuple[Path | None, Config]:
    """The configuration and its file. Stop where it is invalid."""
    from sensor.config import load_config, usual
    from sensor.documents import DocumentErrors

    path = usual(args.config)
    try:
        return path, load_config(path)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise Stop(USAGE) from None


def _assessing(config: Config) -> Assessing:
    """Networks and tickets of the configuration."""
    from sensor.cli._tickets_desk import policy_of
    from sensor.console.assess import Assessing
    from sensor.core.addresses import Networks
    from sensor.delivery.hosts import hosts_of
    from sensor.posture.picture import Surroundings

    around = Surroundings(Networks(config.networks), hosts_of(config.outputs))
    return Assessing(around, policy_of(config.tickets))


def _oidc(config: Config) -> Provider | None:
    """The OpenID provider of the configuration. Stop where it cannot be used."""
    from sensor.console.security.oidc_provider import Provider
    from sensor.core.output import Retry

    options = config.console.oidc
    if options is None:
        return None
    if any(importlib.util.find_spec(name) is None for name in ("authlib", "joserfc")):
        raise Stop(NOT_OPENED, NO_OIDC, error="console.not-installed")
    try:
        if options.client_secret is not None:
            options.client_secret.reveal()
        return Provider(options)
    except Retry as error:
        raise Stop(NOT_OPENED, f"console.oidc.client_secret: {error}", error="console.not-possible") from None
    except OSError as error:
        place = f"console.oidc.ca: {options.ca}"
        raise Stop(NOT_OPENED, f"{place}: {error.strerror or error}", error="console.not-possible") from None


def _greet(args: argparse.Namespace, place: Place, keys: Keys) -> None:
    """Where it is, and how to get in. A service's output is kept in the journal, where no secret belongs."""
    put(f"console: {place.public}{f' on {place.path}' if place.path else ''}")
    if "NOTIFY_SOCKET" in os.environ:
        put("log in: sensor console login")
    else:
        put(
            f"log in: {place.public}/login/{keys.link(_user(), args.scope or 'admin')}\n(valid once, for 15 "
            "minutes; Ctrl-C stops the console)"
        )
    sys.stdout.flush()


def login(args: argparse.Namespace) -> int:
    """``login [NAME]``."""
    name = tidy(args.words[0]) if args.words else _user()
    place, keys = _place(args), _keys(args)
    put(
        f"{place.public}/login/{keys.link(name, args.scope or 'write')}\n(valid once, for 15 minutes, "
        f"as {name} with the scope {args.scope or 'write'})"
    )
    return 0


def token(args: argparse.Namespace) -> int:
    """``token NAME``."""
    if not 0 < args.days <= LONGEST_DAYS:
        complain(
            f"found --days {args.days:g}, expected more than 0 and at most {LONGEST_DAYS}", error="usage.invalid-value"
        )
        return USAGE
    number, secret = _keys(args).add_token(tidy(args.words[0]), args.scope or "read", args.days)
    if args.json:
        print_json([{"id": number, "token": secret}])
    else:
        put(f"{secret}\n({number}, scope {args.scope or 'read'}, for {args.days:g} days; it is not shown again)")
    return 0


def tokens(args: argparse.Namespace) -> int:
    """``tokens``."""
    found = _keys(args).tokens()
    if args.json:
        print_json(
            [one._asdict() | {name: _time(getattr(one, name)) for name in ("made", "until", "used")} for one in found]
        )
    elif found:
        print(
            table(
                ("token", "name", "scope", "made", "until", "used"),
                [(*one[:3], *(_time(when) or "never" for when in one[3:])) for one in found],
                sys.stdout,
            )
        )
    else:
        put("no tokens")
    return 0


def revoke(args: argparse.Namespace) -> int:
    """``revoke TOKEN-ID…``."""
    keys, code = _keys(args), 0
    for number in args.words:
        if keys.revoke(number):
            put(f"{tidy(number)}: revoked")
        else:
            complain(f"no token {tidy(number)}: `sensor console tokens` lists them", error="console.unknown-token")
            code = NOT_FOUND
    return code


def _state(args: argparse.Namespace) -> Path:
    """The state folder. Stop where there is none."""
    folder = folders_of(args.state)[0]
    if not folder.is_dir():
        raise Stop(
            NOT_OPENED,
            f"no data in {folder}: `sensor replay FILE` reads a capture, `sensor run` listens on an interface",
            error="dataset.missing",
        )
    migrated(folder)
    return folder


def _keys(args: argparse.Namespace) -> Keys:
    """Stop where they cannot be opened."""
    from sensor.console.security.keys import Keys

    state = _state(args)
    try:
        return Keys(state)
    except sqlite3.Error as error:
        raise Stop(
            NOT_OPENED, f"cannot open the keys of the console in {state}: {error}", error="console.keys"
        ) from None


def _place(args: argparse.Namespace) -> Place:
    """Stop where the console may not listen there."""
    from sensor.console.place import BadPlace, place_of

    try:
        return place_of(args.listen, args.cert, args.key, args.public_url)
    except BadPlace as error:
        raise Stop(USAGE, tidy(str(error)), error="usage.invalid-value") from None


def _proxy(args: argparse.Namespace) -> Proxy | None:
    """Stop where the options make no sense."""
    from sensor.console.security.proxy import BadProxy, proxy_of

    try:
        return proxy_of(args.proxy_user, args.proxy_from, args.proxy_role)
    except BadProxy as error:
        raise Stop(USAGE, tidy(str(error)), error="usage.invalid-value") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "operator"


def _time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""
