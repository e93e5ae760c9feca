"""Frames and transcripts in; out a tuned model, for which a learning rate, epochs and a share of the base model were chosen."""
