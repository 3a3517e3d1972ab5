"""The site that a command assesses: made of the dataset that its arguments name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sensor.cli._codes import USAGE
from sensor.cli._known import Known, known
from sensor.cli._log import Take
from sensor.cli._outputs_words import PLACES
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._vulns_feeds import reading, tell_age
from sensor.config import Config, load_config, usual
from sensor.core.addresses import Networks
from sensor.documents import DocumentErrors
from sensor.inventory.store.database import StoreError
from sensor.posture.database import DatabaseError
from sensor.posture.firewall.view import Baseline, View
from sensor.posture.picture import Picture, Surroundings
from sensor.posture.site import Site
from sensor.posture.sources import sources_of
from sensor.runtime.process import no_collection


def site_of(args: argparse.Namespace, take: Take | None = None) -> Site | None:
    """None after an error was printed. Feeds that are too old are reported. ``take`` receives every record of the log, and decides which of them count.

    SystemExit where the configuration is invalid.
    """
    picture = picture_of(args, take)
    return picture.site if picture is not None else None


@no_collection()
def picture_of(args: argparse.Namespace, take: Take | None = None) -> Picture | None:
    """As ``site_of``, with all other assessments."""
    config = _config(args)
    try:
        base = reading(args)
        found = known(args, alerts=True, take=take)
        picture = Picture(
            found.fold,
            Surroundings(Networks(config.networks), hosts_of(config), base),
            baseline_of(found),
            found.details,
        ).made()
        tell_age(sources_of(base), datetime.now(UTC), complain)
    except (DatabaseError, StoreError) as error:
        complain(str(error), error="inventory.not-read")
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
    else:
        return picture
    return None


def firewall_view(args: argparse.Namespace, config: Config) -> View | None:
    """The network as firewall rules are made for it; None after an error was printed."""
    found = known(args, alerts=True)
    try:
        baseline = baseline_of(found)
    except StoreError as error:
        complain(str(error), error="vulnerability.database")
        return None
    return Picture(
        found.fold,
        Surroundings(Networks(config.networks), hosts_of(config)),
        baseline,
        found.details if found.reader is not None else None,
    ).view


def baseline_of(found: Known) -> Baseline:
    """What was learned; without an inventory nothing is known. StoreError where the inventory is damaged."""
    return Baseline(dict(found.reader.habits()), found.reader.watched()) if found.reader is not None else Baseline()


def hosts_of(config: Config) -> dict[str, frozenset[str]]:
    """Names and addresses of the hosts that each output delivers to, in small letters."""
    return {name: frozenset(_hosts(options)) for name, options in (config.outputs or {}).items()}


def _hosts(options: Any) -> Iterator[str]:
    for name in PLACES:
        value = options.get(name) if isinstance(options, Mapping) else getattr(options, name, None)
        for place in value if isinstance(value, list) else [value]:
            text = str(place or "")
            if name == "path" or not text:
                continue
            try:
                host = urlsplit(text if "//" in text else f"//{text}").hostname
            except ValueError:
                continue
            if host and re.fullmatch(r"[\w.:-]+", host):
                yield host


def _config(args: argparse.Namespace) -> Config:
    try:
        return load_config(usual(args.config))
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise SystemExit(USAGE) from None
