"""Names of severities in ascending order, for code that must not import ``core.alert``, and with that numpy."""

SEVERITIES = ("info", "low", "medium", "high", "critical")
