"""Security: who may ask, from where, and what is kept of it."""
