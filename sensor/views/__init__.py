"""Views: what the tables of one dataset say, for commands, the console and the hub. Typed, read only, without the
engine and without printing.
"""
