"""Views: the tables of one dataset for commands, the console and the hub. Typed, read only, without the engine and
without printing.
"""
