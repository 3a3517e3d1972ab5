"""Documentation, and the programs that generate its reference from the code: ``python -m docs.generate``."""
