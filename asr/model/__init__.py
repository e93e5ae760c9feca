"""Whisper: takes frames, gives hypotheses; its checkpoints, its prompt, its window."""
