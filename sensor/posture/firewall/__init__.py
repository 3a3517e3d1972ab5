"""Firewall rules that block what was found: what to block (``requests.py``), what else that would break
(``simulate.py``), and the formats of firewalls.
"""
