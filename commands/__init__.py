"""What a person or a CI job types: repro, check, cache, compare and ci, and what they are made of."""
