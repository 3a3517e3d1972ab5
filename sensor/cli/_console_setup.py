"""Components of `sensor console`: its address, keys, configuration, external users and languages."""

from __future__ import annotations

import argparse
import importlib.util
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_OPENED, USAGE, Exit
from sensor.cli._data import folders_of, migrated, unknown_dataset
from sensor.cli._hub_base import shared_of_hub
from sensor.cli._setup import complain_of_faults
from sensor.cli._show import tidy

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.console.assess import Assessing
    from sensor.console.languages import Languages
    from sensor.console.listen_address import ListenAddress
    from sensor.console.security.keys import Keys
    from sensor.console.security.oidc_provider import Provider
    from sensor.console.security.proxy import Proxy

NEEDED = ("starlette", "uvicorn")
MISSING = "needs the packages starlette and uvicorn: pip install 'passive-network-sensor[console]'"
NO_OIDC = "console.oidc needs the package Authlib: pip install 'passive-network-sensor[oidc]'"


def check_installed() -> None:
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        raise Exit(NOT_OPENED, f"this command {MISSING}", error="console.not-installed")


def config_of(args: argparse.Namespace) -> tuple[Path | None, Config]:
    """The configuration and its file. Raises Exit if it is invalid."""
    from sensor.cli._configuration import configuration
    from sensor.config_file import usual
    from sensor.documents import DocumentErrors

    path = usual(args.config)
    try:
        return path, configuration(args)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise Exit(USAGE) from None


def assessing_of(config: Config) -> Assessing:
    """Networks and tickets of the configuration."""
    from sensor.cli._tickets_open import policy_of
    from sensor.console.assess import Assessing
    from sensor.core.addresses import Networks
    from sensor.delivery.hosts import hosts_of
    from sensor.posture.picture import AssessmentInputs

    around = AssessmentInputs(Networks(config.networks), hosts_of(config.outputs))
    return Assessing(around, policy_of(config.tickets))


def oidc_of(config: Config) -> Provider | None:
    """The OpenID provider of the configuration. Raises Exit if it cannot be used."""
    from sensor.console.security.oidc_provider import Provider
    from sensor.core.output import Retry

    options = config.console.oidc
    if options is None:
        return None
    if any(importlib.util.find_spec(name) is None for name in ("authlib", "joserfc")):
        raise Exit(NOT_OPENED, NO_OIDC, error="console.not-installed")
    try:
        if options.client_secret is not None:
            options.client_secret.reveal()
        return Provider(options)
    except Retry as error:
        raise Exit(NOT_OPENED, f"console.oidc.client_secret: {error}", error="console.not-possible") from None
    except OSError as error:
        place = f"console.oidc.ca: {options.ca}"
        raise Exit(NOT_OPENED, f"{place}: {error.strerror or error}", error="console.not-possible") from None


def languages_of(args: argparse.Namespace, state: Path) -> Languages:
    """Raises Exit if a catalogue is invalid, or the requested language has none."""
    from sensor.console.languages import FOLDER, Languages
    from sensor.documents import DocumentErrors

    folder = state / FOLDER
    try:
        return Languages(folder, args.lang)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise Exit(USAGE) from None
    except KeyError:
        found = sorted(Languages(folder).known)
        text = f"--lang: found {tidy(args.lang)!r}, expected one of {', '.join(found)}: catalogues are in {folder}"
        raise Exit(USAGE, text, error="usage.invalid-value") from None


def chosen_place(args: argparse.Namespace) -> ListenAddress:
    """The listening address. Raises Exit if it is not permitted."""
    from sensor.console.listen_address import BadPlace, place_of

    try:
        return place_of(args.listen, args.cert, args.key, args.public_url)
    except BadPlace as error:
        raise Exit(USAGE, tidy(str(error)), error="usage.invalid-value") from None


def chosen_proxy(args: argparse.Namespace) -> Proxy | None:
    """The trusted proxy. Raises Exit if its options are invalid."""
    from sensor.console.security.proxy import BadProxy, proxy_of

    try:
        return proxy_of(args.proxy_user, args.proxy_from, args.proxy_role)
    except BadProxy as error:
        raise Exit(USAGE, tidy(str(error)), error="usage.invalid-value") from None


def state_of(args: argparse.Namespace) -> Path:
    """The state folder. Raises Exit if there is none."""
    folder = folders_of(args.state)[0]
    if not folder.is_dir() and args.hub is not None:
        raise Exit(
            NOT_OPENED,
            f"no folder {folder} for the state of this console: create it (mode 0700), or name another with --state",
            error="dataset.missing",
        )
    if not folder.is_dir():
        raise Exit(
            NOT_OPENED,
            f"no data in {folder}: `sensor replay FILE` reads a capture, `sensor run` captures on an interface",
            error="dataset.missing",
        )
    migrated(folder)
    return folder


def check_dataset(state: Path, name: str) -> None:
    """Raises Exit if the state folder has no dataset of this name."""
    from sensor.datasets.choose import UnknownDataset, datasets_in, named_in

    try:
        named_in(datasets_in(state), name)
    except UnknownDataset as error:
        raise unknown_dataset(error, state) from None


def keys_of(args: argparse.Namespace) -> Keys:
    """The console's keys. Raises Exit if they cannot be opened."""
    from sensor.console.security.keys import Keys
    from sensor.console.security.store import StateStore

    if args.hub is not None:
        return Keys(shared_of_hub(args).store)
    state = state_of(args)
    try:
        return Keys(StateStore(state))
    except sqlite3.Error as error:
        raise Exit(
            NOT_OPENED, f"cannot open the keys of the console in {state}: {error}", error="console.keys"
        ) from None
