"""Ranks: one piece of work in several processes that sum what they find."""
