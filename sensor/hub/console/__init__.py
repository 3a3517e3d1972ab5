"""The console of a hub: the pages and API of a sensor's console over the database of the hub."""
