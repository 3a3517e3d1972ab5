"""Least privilege: what a device needs, as a MUD file (RFC 8520) that says so; profiles that are installed, and whether
what is seen keeps to them.
"""
