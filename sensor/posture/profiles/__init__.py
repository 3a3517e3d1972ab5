"""Least privilege: the access that a device needs, as a MUD file (RFC 8520); installed profiles, and whether observed
traffic complies with them.
"""
