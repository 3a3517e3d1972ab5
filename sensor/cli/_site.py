"""The site that a command assesses, built from the selected dataset."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sensor.cli._codes import USAGE
from sensor.cli._configuration import configuration
from sensor.cli._known import Known, known
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._vulns_feeds import reading, report_age
from sensor.config import Config
from sensor.core.addresses import Networks
from sensor.core.collection import no_collection
from sensor.delivery.hosts import hosts_of
from sensor.documents import DocumentErrors
from sensor.inventory.store.database import StoreError
from sensor.posture.firewall.view import Baseline, View
from sensor.posture.picture import AssessmentInputs, Picture
from sensor.posture.site import Site
from sensor.posture.vulnerabilities.database import DatabaseError
from sensor.posture.vulnerabilities.sources import sources_of

if TYPE_CHECKING:
    from sensor.views.log_state import Take


def site_of(args: argparse.Namespace, take: Take | None = None) -> Site | None:
    """None after an error. Stale feeds are reported. ``take`` receives every record of the log, and selects those to
    process.

    Raises SystemExit if the configuration is invalid.
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
            AssessmentInputs(Networks(config.networks), hosts_of(config.outputs), base),
            baseline_of(found),
            found.details,
        ).made()
        report_age(sources_of(base), datetime.now(UTC), complain)
    except DatabaseError as error:
        complain(str(error), error="vulnerability.database")
    except StoreError as error:
        complain(str(error), error="inventory.not-read")
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
    else:
        return picture
    return None


def firewall_view(args: argparse.Namespace, config: Config) -> View | None:
    """The network data for firewall rules; None after an error."""
    found = known(args, alerts=True)
    try:
        baseline = baseline_of(found)
    except StoreError as error:
        complain(str(error), error="inventory.not-read")
        return None
    return Picture(
        found.fold,
        AssessmentInputs(Networks(config.networks), hosts_of(config.outputs)),
        baseline,
        found.details if found.reader is not None else None,
    ).view


def baseline_of(found: Known) -> Baseline:
    """The learned baseline; unknown without an inventory. Raises StoreError if the inventory is damaged."""
    return Baseline(dict(found.reader.habits()), found.reader.watched()) if found.reader is not None else Baseline()


def _config(args: argparse.Namespace) -> Config:
    try:
        return configuration(args)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        raise SystemExit(USAGE) from None
