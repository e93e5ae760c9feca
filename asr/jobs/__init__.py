"""Independent work over many clips: takes jobs, yields each with its result, on all cores or on a Ray cluster."""
