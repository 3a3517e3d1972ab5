"""Recommendations while the sensor runs: settings and habits of devices that are weak, with advice for the product."""
