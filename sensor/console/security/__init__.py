"""Access to the console: users, sessions, keys, and the networks that requests may come from."""
