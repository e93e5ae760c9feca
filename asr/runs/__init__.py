"""Training runs in folders of their own: takes what determines a run, gives its folder, claimed, and what it came to, kept."""
