"""Upgrades of the Debian package: releases that the hub orders and its operator signed."""

from pathlib import Path

# Beside the configuration: public key of the operator whose releases are installed. Only root may write it.
OPERATOR = "upgrade.operator"
# The folder of the installer: StateDirectory= of its unit.
FOLDER = Path("/var/lib/sensor-upgrade")
