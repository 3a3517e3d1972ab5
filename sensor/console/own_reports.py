"""Reports of the console of a sensor, as pages and the API show them."""

from __future__ import annotations

from sensor.console.report_store import OwnReports
from sensor.console.settings import Console
from sensor.datasets.card import LIVE


def own_reports(console: Console, user: str) -> OwnReports:
    return OwnReports(console.reports, lambda name: console.sources.dataset(name, user).kind == LIVE)
