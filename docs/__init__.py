"""Documentation. What the code knows is written from it: ``python -m docs.generate``."""
