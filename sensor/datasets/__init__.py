"""Datasets: where the data of one source is stored, which of them a command reads, and how replays are kept side by
side.
"""
