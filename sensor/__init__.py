"""Passive network sensor: identifies devices, detects attacks, and reports vulnerabilities, with evidence."""

__version__ = "0.1.0"
