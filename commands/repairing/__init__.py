"""What `make repair` does: find what is not what was written, remove it, and say or do what makes it anew."""
