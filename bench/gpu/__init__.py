"""A machine's first run: what it can do with the project, and how fast."""
