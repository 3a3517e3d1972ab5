"""Shared by dissectors: encodings, framing, bodies and names used by several protocols, and events of messages with
several carriers. No file here is a dissector.
"""
