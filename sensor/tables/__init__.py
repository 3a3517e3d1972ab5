"""The tables derived from the event log: alerts, incidents, recommendations, findings and the timeline. The log is the
durable source.
"""
