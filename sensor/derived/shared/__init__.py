"""Code that derivers, and detectors, share. No file here is a deriver."""
