"""Splits: the three, and what people call them in columns, folders and names of files."""

NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing"),
}
"""What each split is called, in any case. `eval` is missing: some mean validation by it, others test."""

_SPLITS = {name: split for split, names in NAMES.items() for name in names}


def split_named(name: str) -> str | None:
    """The split that goes by this name; None: none does. White space at both ends doesn't count."""
    return _SPLITS.get(name.strip().casefold())
