"""Counting: flow changes as columns, and the kernels that count in them: pairs and distinct peers per window, rates,
tallies.
"""
