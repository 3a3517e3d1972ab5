"""``sensor hub`` token, approve, revoke, rename, move, resend, reader, note: decisions of operators."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from sensor.cli._codes import DONE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._hub_base import check_extra, hub_of, opened
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy

Result = TypeVar("Result")


def token(args: argparse.Namespace) -> int:
    """Print a token; 2 without a site."""
    _words(args, 0, "token --site SITE")
    if not args.site:
        raise Exit(USAGE, "expected --site SITE, where the sensor is", error="usage.missing-argument")
    check_extra()
    from sensor.hub import sensors
    from sensor.hub.folder import FolderError, load_pair

    hub = hub_of(args)
    try:
        account = load_pair(hub.folder, "account")
    except FolderError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.folder") from None
    with opened(args) as base:
        certified = hub.settings.nats.client_certificates
        put(sensors.make_token(base, account, args.site, datetime.now(UTC), certified=certified))
    complain("valid for one sensor within one hour: sensor join URL TOKEN", "info")
    return DONE


def approve(args: argparse.Namespace) -> int:
    """1 if the name does not exist, or the sensor is revoked."""
    from sensor.hub import sensors

    (name,) = _words(args, 1, "approve NAME")
    with opened(args) as base:
        found = _known(name, lambda: sensors.approve(base, name))
    if found.state != "approved":
        raise Exit(NOT_FOUND, f"{name} is {found.state}: it needs a new token to join again", error="hub.revoked")
    put(f"{tidy(found.name)} is approved for {tidy(found.site)}; it receives its credentials with its next request")
    return DONE


def revoke(args: argparse.Namespace) -> int:
    """3 if the NATS servers cannot be reached; the database rejects the sensor in any case."""
    from sensor.core.output import Retry
    from sensor.hub import sensors

    (name,) = _words(args, 1, "revoke NAME")
    with opened(args) as base:
        _known(name, lambda: sensors.revoke(base, name))
        keys = sensors.revoked_keys(base)
    from sensor.hub.folder import FolderError
    from sensor.hub.revocation import publish_revocations

    try:
        publish_revocations(hub_of(args), keys, int(time.time()))
    except (Retry, FolderError) as error:
        message = f"{name} is revoked in the database, but the NATS servers still accept it: {error}"
        raise Exit(NOT_OPENED, message, error="hub.no-nats") from None
    put(f"{tidy(name)} is revoked; its connection is closed")
    return DONE


def rename(args: argparse.Namespace) -> int:
    """1 if the name does not exist, or the new name is in use."""
    from sensor.hub import sensors

    name, new = _words(args, 2, "rename NAME NEW")
    with opened(args) as base:
        _known(name, lambda: sensors.rename(base, name, new))
    put(f"{tidy(name)} is now {tidy(new)}")
    return DONE


def move(args: argparse.Namespace) -> int:
    """1 if the name does not exist."""
    from sensor.hub import sensors

    (name,) = _words(args, 1, "move NAME --site SITE")
    if not args.site:
        raise Exit(USAGE, "expected --site SITE, where the sensor is now", error="usage.missing-argument")
    with opened(args) as base:
        _known(name, lambda: sensors.move(base, name, args.site))
    put(f"{tidy(name)} moved to {tidy(args.site)}")
    return DONE


def resend(args: argparse.Namespace) -> int:
    """1 if the name does not exist, or the sensor has sent nothing yet."""
    from sensor.hub import sensors

    (name,) = _words(args, 1, "resend NAME [--after NUMBER]")
    with opened(args) as base:
        _known(name, lambda: sensors.ask_again(base, name, max(0, args.after)))
    put(f"{tidy(name)} resends its log after number {max(0, args.after):,}, as far as it is still stored")
    return DONE


def reader(args: argparse.Namespace) -> int:
    """3 if the role does not exist."""
    if not args.operands:
        raise Exit(USAGE, "expected reader ROLE [SITE…]", error="usage.missing-argument")
    check_extra()
    from sensor.hub.database import grant_reader

    role, *sites = args.operands
    with opened(args) as base:
        grant_reader(base, role, sites)
    put(f"{tidy(role)} reads {', '.join(map(tidy, sites)) or 'no site'}")
    return DONE


def note(args: argparse.Namespace) -> int:
    """1 if the alert does not exist, or is ambiguous."""
    (alert,) = _words(args, 1, "note ALERT --status STATE")
    if not (args.status or args.verdict or args.assignee is not None or args.comment):
        raise Exit(USAGE, "expected --status, --verdict, --assignee or --comment", error="usage.missing-argument")
    from sensor.cli._devices_actions import author_of
    from sensor.hub.notes import Note, add_note

    made = Note(alert, author_of(args), args.status, args.verdict, args.assignee, args.comment)
    with opened(args) as base:
        found = add_note(base, made)
    if not found:
        message = f"no alert {alert!r} at the hub, or several with this prefix"
        raise Exit(NOT_FOUND, message, error="alert.unknown")
    put(f"updated {tidy(alert)}")
    return DONE


def _words(args: argparse.Namespace, count: int, usage: str) -> list[str]:
    """The arguments after the action. Raises Exit unless there are ``count``."""
    check_extra()
    if len(args.operands) != count:
        raise Exit(USAGE, f"expected sensor hub {usage}", error="usage.missing-argument")
    return list(args.operands)


def _known(name: str, call: Callable[[], Result]) -> Result:
    """The result of a call. Raises Exit if a sensor is unknown, or a new name is in use."""
    from sensor.hub.sensors import NameInUse, Unknown

    try:
        return call()
    except Unknown:
        message = f"no sensor {name!r} at the hub, or it has sent nothing yet"
        raise Exit(NOT_FOUND, message, error="hub.unknown-sensor") from None
    except NameInUse as error:
        raise Exit(NOT_FOUND, f"another sensor has the name {error.args[0]!r}", error="hub.name-taken") from None
