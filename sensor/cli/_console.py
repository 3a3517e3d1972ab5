"""Actions of `sensor console`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._console_setup import (
    assessing_of,
    check_dataset,
    check_installed,
    chosen_place,
    chosen_proxy,
    config_of,
    keys_of,
    languages_of,
    oidc_of,
    state_of,
)
from sensor.cli._data import VARIABLE
from sensor.cli._hub_base import check_extra, hub_of_console, shared_of_hub
from sensor.cli._records import print_json
from sensor.cli._setup import complain, user_name
from sensor.cli._show import put, tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.console.listen_address import ListenAddress
    from sensor.console.security.keys import Keys

LONGEST_DAYS = 3660


def serve(args: argparse.Namespace) -> int:
    """Run until stopped."""
    check_installed()
    from sensor.console.app import app_of
    from sensor.console.serve import console_of
    from sensor.console.serve import serve as run
    from sensor.runtime.notify import Notifier
    from sensor.runtime.process import serving

    state, place, notifier = state_of(args), chosen_place(args), Notifier()
    if args.data and not args.hub:
        check_dataset(state, args.data)
    path, config = config_of(args)
    mutes = None if args.state else config.alerts.mutes
    usual, oidc = args.data or os.environ.get(VARIABLE, ""), oidc_of(config)
    try:
        sources, shared, app = hub_of_console(args, state) if args.hub else (None, None, app_of)
        console = console_of(
            state, place, usual, assessing_of(config), mutes, path, chosen_proxy(args), oidc, languages_of(args, state),
            sources, shared,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise Exit(
            NOT_OPENED, f"cannot open the keys of the console in {state}: {error}", error="console.keys"
        ) from None

    def ready(there: ListenAddress) -> None:
        _greet(args, there, console.keys)
        notifier.ready()

    with contextlib.closing(notifier), _listening(args.listen), serving():
        run(console, ready, notifier.beat, app)
    return 0


@contextlib.contextmanager
def _listening(address: str) -> Iterator[None]:
    """Errors of the certificate and of the address end the command. Raises Exit; PermissionError."""
    try:
        yield
    except ValueError as error:  # BadPlace: an error of the certificate
        raise Exit(NOT_OPENED, str(error), error="console.not-possible") from None
    except PermissionError:
        raise
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot listen on {address}: {error.strerror}", error="console.not-possible") from None


def _greet(args: argparse.Namespace, place: ListenAddress, keys: Keys) -> None:
    """Print the address, and a login link on a terminal. Output of a service is stored in the journal, where no secret
    belongs.
    """
    put(f"console: {place.public}{f' on {place.path}' if place.path else ''}")
    if "NOTIFY_SOCKET" in os.environ:
        put("log in: sensor console login")
    else:
        put(
            f"log in: {place.public}/login/{keys.link(user_name(), args.scope or 'admin')}\n(valid once, for 15 "
            "minutes; Ctrl-C stops the console)"
        )
    sys.stdout.flush()


def login(args: argparse.Namespace) -> int:
    """``login [NAME]``."""
    name = tidy(args.operands[0]) if args.operands else user_name()
    place, keys = chosen_place(args), keys_of(args)
    put(
        f"{place.public}/login/{keys.link(name, args.scope or 'write')}\n(valid once, for 15 minutes, "
        f"as {name} with the scope {args.scope or 'write'})"
    )
    return 0


def token(args: argparse.Namespace) -> int:
    """``token NAME``."""
    if not 0 < args.days <= LONGEST_DAYS:
        complain(
            f"--days: found {args.days:g}, expected more than 0 and at most {LONGEST_DAYS}", error="usage.invalid-value"
        )
        return USAGE
    number, secret = keys_of(args).add_token(tidy(args.operands[0]), args.scope or "read", args.days)
    if args.json:
        print_json([{"id": number, "token": secret}])
    else:
        put(f"{secret}\n({number}, scope {args.scope or 'read'}, for {args.days:g} days; it is not shown again)")
    return 0


def messages(args: argparse.Namespace) -> int:
    """``messages [LANGUAGE]``: a catalogue, which is YAML."""
    check_installed()
    from sensor.console.catalogue import all_messages
    from sensor.console.languages import ENGLISH

    code = args.operands[0] if args.operands else ENGLISH
    there = languages_of(args, state_of(args)).known.get(code)
    known = there.messages if there is not None else {}
    print("messages:")
    for message in all_messages():
        print(f"  {_quoted(message)}: {_quoted(known.get(message, ''))}")
    return 0


def _quoted(value: object) -> str:
    """JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def tokens(args: argparse.Namespace) -> int:
    """``tokens``."""
    found = keys_of(args).tokens()
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
    keys, code = keys_of(args), 0
    for number in args.operands:
        if keys.revoke(number):
            put(f"{tidy(number)}: revoked")
        else:
            complain(f"no token {tidy(number)}: `sensor console tokens` lists them", error="console.unknown-token")
            code = NOT_FOUND
    return code


def sites(args: argparse.Namespace) -> int:
    """``sites NAME [SITE…]``."""
    if args.hub is None:
        complain("sites of a user need --hub FILE: a sensor has one site", error="usage.missing-argument")
        return USAGE
    check_extra()
    from sensor.hub.console.scopes import EVERY, SiteScopes

    name, *chosen = args.operands
    SiteScopes(shared_of_hub(args).store).put(name, chosen)
    put(f"{tidy(name)}: {'all sites' if EVERY in chosen else ', '.join(map(tidy, chosen)) or 'no site'}")
    return 0


def _time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""
