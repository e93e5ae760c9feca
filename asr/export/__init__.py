"""Export: takes a tuned checkpoint, gives a quantised one, and what that hears in recordings."""
