"""Known vulnerabilities of devices: curated ones that come with the sensor (``curated.py``), and feeds imported into a
database (``importer.py``); comparison of versions in packets with affected ranges (``ranges.py``), and the findings of
a fleet in the order of their fixes (``fleet.py``, ``priority.py``).
"""
