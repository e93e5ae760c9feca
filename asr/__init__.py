"""The library: one noun per file, no YAML, no fixed path."""
