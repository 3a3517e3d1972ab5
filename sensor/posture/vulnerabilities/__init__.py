"""Known vulnerabilities of what runs on devices: those that come with the sensor (``curated.py``), and feeds that are
imported into a database (``importer.py``); how a version in a packet compares with their ranges (``ranges.py``), and
the findings of a fleet in the order of their fixes (``fleet.py``, ``priority.py``).
"""
