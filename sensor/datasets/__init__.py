"""Datasets: where everything of one source lies, which of them a command reads, and how replays are
kept side by side.
"""
