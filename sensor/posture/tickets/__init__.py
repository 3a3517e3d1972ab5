"""Tickets: faults grouped by their fix, so that each task is assigned once for all affected devices."""
