"""Native dissectors: the frequent protocols, parsed in the selection pass without the interpreter's lock.

A native dissector parses what is plain and frequent in its protocol and appends rows: events and facts (``out.pxd``).
Rare or unusual messages are left to the Python dissector of the same protocol, which gives the same results and is the
reference in the tests. The engine makes objects of those rows that have a subscriber (``native_messages.pyx``).
"""
