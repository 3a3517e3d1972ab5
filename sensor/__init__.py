"""A passive network sensor: packets in, devices and alerts out, with the evidence for every claim."""

__version__ = "0.1.0"
