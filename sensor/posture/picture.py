"""All assessments of one dataset at one time. Each is computed on first use and cached: changed data needs a new
object.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple, Self

from sensor.core.addresses import Networks
from sensor.core.collection import long_lived
from sensor.posture.alert_ends import AlertEnds, alert_ends
from sensor.posture.build import site_of
from sensor.posture.firewall.view import Baseline, View, view_of
from sensor.posture.latest import Details, Known
from sensor.posture.scores.exposure import Exposures, exposures
from sensor.posture.site import Site
from sensor.posture.vulnerabilities.fleet import Fleet


class AssessmentInputs(NamedTuple):
    """Other inputs of assessments. ``networks``: internal networks; ``outputs``: names and addresses of each output's
    hosts; ``vulnerabilities``: the imported ones (``posture.database``).
    """

    networks: Networks = Networks()
    outputs: Mapping[str, frozenset[str]] = {}
    vulnerabilities: sqlite3.Connection | None = None


class Picture:
    """Properties raise DocumentErrors if a file of the sensor is invalid, and DatabaseError if the imported
    vulnerabilities cannot be read.
    """

    def __init__(
        self, known: Known, around: AssessmentInputs, baseline: Baseline | None = None, details: Details | None = None
    ) -> None:
        self.known, self.around, self._baseline, self._details = known, around, baseline or Baseline(), details

    def made(self) -> Self:
        """Itself with its site: errors are raised here, and not later."""
        _ = self.site
        return self

    @cached_property
    @long_lived()
    def ends(self) -> AlertEnds:
        """The devices at the ends of alerts."""
        return alert_ends(self.known)

    @cached_property
    @long_lived()
    def view(self) -> View:
        """For firewall rules."""
        around = self.around
        return view_of(self.known, around.networks, self._baseline, self.ends, around.outputs, self._details)

    @cached_property
    @long_lived()
    def fleet(self) -> Fleet:
        """For findings."""
        return Fleet(self.known, self.ends, self.around.vulnerabilities, self._details)

    @cached_property
    @long_lived()
    def site(self) -> Site:
        """For everything else."""
        return site_of(self.view, self.fleet)

    @cached_property
    @long_lived()
    def exposures(self) -> Exposures:
        """All scores."""
        return exposures(self.site)

    @property
    def is_scored(self) -> bool:
        """Whether the scores were calculated already."""
        return "exposures" in self.__dict__
