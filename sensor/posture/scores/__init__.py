"""The exposure score of devices, segments and the site (``exposure.py``), its causes (``causes.py``), its history
(``trend.py``), and the score after a fix (``whatif.py``).
"""
