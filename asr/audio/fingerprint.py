"""Fingerprints: placeholder of the branch splits."""
