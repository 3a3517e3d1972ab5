"""Tickets: what is wrong, grouped by what mends it, so that one piece of work is handed out once for all classes of
device.
"""
