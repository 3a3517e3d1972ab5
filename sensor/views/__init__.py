"""Views: typed, read-only access to the tables of one dataset for commands, the console and the hub, without the engine
and without output.
"""
