"""What a person types besides `dvc repro`: check, cache and compare."""
