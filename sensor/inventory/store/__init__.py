"""The inventory on disk: SQLite, one writer. The engine knows nothing of it; the daemon writes down what the inventory
notes, commands read it.
"""
