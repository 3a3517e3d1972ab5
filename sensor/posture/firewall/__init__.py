"""Firewall rules that block what was detected: what to block (``requests.py``), side effects (``simulate.py``), and
rule formats of firewalls.
"""
