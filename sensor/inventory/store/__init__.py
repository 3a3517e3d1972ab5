"""The inventory on disk: SQLite, one writer. The engine does not depend on it; the daemon writes the inventory's
journal, commands read the store.
"""
