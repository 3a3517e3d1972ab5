"""Native dissectors: frequent protocols, parsed within the select pass without the GIL.

A native dissector parses the plain and frequent messages of its protocol and appends rows: events and facts
(``out.pxd``). Rare or unusual messages are left to the Python dissector of the same protocol, which gives the same
results and is the reference in the tests. The engine makes objects of the rows that have a subscriber
(``native_messages.pyx``).
"""
