"""Pages that only a hub has."""
