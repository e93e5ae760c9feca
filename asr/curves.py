"""Curves: a trainer's log history as a table, one row per step that logged something."""

from collections.abc import Mapping, Sequence

import pandas as pd

COLUMNS = {
    "step": "step",
    "epoch": "epoch",
    "loss": "train_loss",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    "eval_loss": "validation_loss",
    "eval_wer": "validation_wer",
}
"""What the trainer calls each value, and what the table does."""


def curves(log_history: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Merge the entries of each step (a step that trains and evaluates logs twice); what was not logged is empty."""
    logged = pd.DataFrame(list(log_history)).reindex(columns=list(COLUMNS))
    return logged.groupby("step", as_index=False).first().rename(columns=COLUMNS)
