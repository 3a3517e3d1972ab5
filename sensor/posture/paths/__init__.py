"""Attack paths: how an external attacker, or a compromised unmanaged device, could reach critical devices, and which
single fix breaks most paths.

``costs.py`` has the cost of a step, ``build.py`` makes a graph of the site, ``search.py`` finds the cheapest paths,
``breaks.py`` the fixes, and ``paths.py`` assembles the result.
"""
