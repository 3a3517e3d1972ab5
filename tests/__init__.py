"""Tests of the sensor."""

import platform

# The default id of the sensor, of which the ids of devices and alerts are made: not the name of this host.
platform.node = lambda: "tests"
