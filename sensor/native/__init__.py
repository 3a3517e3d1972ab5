"""Native dissectors: the frequent protocols, read in the selection pass without the interpreter's lock.

A native dissector reads what is plain and frequent of its protocol and appends rows: events and facts (``out.pxd``).
What is rare or odd it leaves to the Python dissector of the same protocol, which says the same of everything and is the
reference in the tests. The engine makes objects of those rows that somebody wants (``hearing.pyx``).
"""
