"""Counting: flow changes as columns, and the kernels that count them: pairs and distinct peers per window, rates,
tallies.
"""
