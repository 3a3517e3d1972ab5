"""The sensor's long-term operation: backup, restore, and purges of its state."""
