"""Firewall rules that cut off what was found: what to block (``requests.py``), what else that would break
(``simulate.py``), and how firewalls say it.
"""
