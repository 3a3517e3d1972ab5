"""The exposure score of devices, segments and the site (``exposure.py``), what it is made of (``causes.py``), its
history (``trend.py``), and the score after a fix (``whatif.py``).
"""
