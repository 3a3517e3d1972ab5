"""Devices: who is behind an endpoint, what is known of it with the evidence, and what of that is news."""
