"""Tickets: faults, grouped by their fix, so that one task is assigned once for all classes of device."""
