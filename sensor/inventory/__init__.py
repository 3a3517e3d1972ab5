"""Devices: the device behind each endpoint, its attributes with their evidence, and the changes to report."""
