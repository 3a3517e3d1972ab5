"""Shared by detectors: windows, base classes, and names of hosts and devices. No file here is a detector."""
