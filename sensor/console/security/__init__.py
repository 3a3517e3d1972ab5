"""Access to the console: users, sessions, keys, and networks that may send requests."""
