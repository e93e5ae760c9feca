"""Export: takes a tuned checkpoint, gives a quantised one, and what that hears in recordings as they are on the disk."""
