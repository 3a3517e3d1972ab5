"""Recommendations of a running sensor: weak settings and behavior of devices, with advice for the product."""
