"""What several detectors share: windows, bases of detectors, and how hosts and devices are named. No file here is a
detector.
"""
