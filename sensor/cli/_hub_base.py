"""Shared by actions of ``sensor hub``: the configuration, the database, and exit codes of their errors."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_OPENED, USAGE, Exit
from sensor.cli._setup import complain, complain_of_faults, user_name

if TYPE_CHECKING:
    from sensor.console.settings import Console, Shared
    from sensor.console.sources import Sources
    from sensor.hub.database import Connection
    from sensor.hub.settings import Hub

MISSING = "the hub needs the extra `hub`: pip install 'passive-network-sensor[hub]'"


def hub_of(args: argparse.Namespace) -> Hub:
    """The given configuration. Raises Exit after printing its errors."""
    return hub_at(args.config)


def hub_at(path: Path) -> Hub:
    """The configuration in a file. Raises Exit after printing its errors."""
    from sensor.documents import DocumentErrors
    from sensor.hub.settings import load_hub

    if not path.exists():
        text = f"no hub at {path}: create one with `sensor hub init DIR`, or name the configuration of another one"
        raise Exit(USAGE, text, error="config.not-read")
    try:
        return load_hub(path)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise Exit(USAGE) from None


def check_extra() -> None:
    """Raises Exit if a package of the extra is missing."""
    from importlib.util import find_spec

    if find_spec("psycopg") is None or find_spec("nats") is None:
        raise Exit(USAGE, MISSING, error="hub.no-extra")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Connection]:
    """The hub's database. Raises Exit if it cannot be used, or without permission."""
    check_extra()
    from sensor.hub.database import DatabaseError, connected, guarded

    try:
        base = connected(hub_of(args).settings.database)
    except DatabaseError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.no-database") from None
    try:
        with guarded():
            yield base
    except DatabaseError as error:
        raise Exit(NOT_OPENED, str(error), error="hub.no-database") from None
    finally:
        base.close()


def hub_of_console(args: argparse.Namespace, state: Path) -> tuple[Sources, Shared, Callable[[Console], Any]]:
    """Datasets, shared state and application of a console over the hub that ``--hub`` names. Raises Exit if its
    database cannot be used.
    """
    check_extra()
    from sensor.hub.console.app import hub_app
    from sensor.hub.console.connections import Connections
    from sensor.hub.console.local_users import MOVED, move_users
    from sensor.hub.console.scopes import SiteScopes
    from sensor.hub.console.shared import shared_of
    from sensor.hub.console.sources import HubSources
    from sensor.views.errors import NotReadable

    place = hub_at(args.hub).settings.database
    connections = Connections(place)
    try:
        shared = shared_of(connections)
        if move_users(state, shared.store):
            complain(f"the users in {state} are now those of the hub; their file is now {MOVED}", "info")
    except NotReadable as error:
        raise Exit(NOT_OPENED, str(error), error="hub.no-database") from None
    scopes = SiteScopes(shared.store)
    if "NOTIFY_SOCKET" not in os.environ:  # who starts it on a terminal reads hub.yaml, which has the database
        scopes.begin(user_name())
    return HubSources(connections, scopes, state, place.reader), shared, hub_app


def shared_of_hub(args: argparse.Namespace) -> Shared:
    """What consoles of the hub of ``--hub`` share, such as users. Raises Exit if its database cannot be used."""
    check_extra()
    from sensor.hub.console.connections import Connections
    from sensor.hub.console.shared import shared_of
    from sensor.views.errors import NotReadable

    try:
        return shared_of(Connections(hub_at(args.hub).settings.database, keep=False))
    except NotReadable as error:
        raise Exit(NOT_OPENED, str(error), error="hub.no-database") from None
