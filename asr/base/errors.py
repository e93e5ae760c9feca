"""The one exception that means "the user's data or settings are wrong, and this is what to do"."""


class DataError(Exception):
    """Bad input. The message names the place and the remedy; a stage prints it without a traceback and exits with 1."""
