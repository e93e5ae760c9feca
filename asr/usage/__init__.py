"""From recordings to what those read who use a model: takes models and recordings, gives what is written in each condition."""
