"""Attack paths: how somebody outside, or in a device that nobody looks after, would get to what matters most, and which
one thing stands in the way of most.

``costs.py`` says what a step costs, ``build.py`` makes a graph of the site, ``search.py`` finds what is cheapest,
``breaks.py`` what to take away, and ``paths.py`` tells it all.
"""
