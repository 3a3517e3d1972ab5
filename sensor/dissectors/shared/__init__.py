"""What several dissectors share: encodings, frames, bodies and names that protocols borrow, and the events of messages
that more than one carrier has. No file here is a dissector.
"""
