"""Flat: test_<module>.py, and the helpers that make their inputs."""
