"""Lists of the hub for console and API, with the filters, rows and pages of ``sensor.views``."""
