"""A recipe for the tiny Whisper of the tests."""

from asr.training.recipe import Train

PLAIN: dict[str, object] = {
    "window": "full",
    "full_window_share": 0.0,
    "least_window": 0,
    "epochs": 1,
    "effective_batch": 16,
    "batch_size": "auto",
    "precision": "fp32",
    "activation_checkpointing": False,
    "torch_compile": False,
    "optimizer": "adamw",
    "learning_rate": 1e-2,
    "layer_lr_decay": 1.0,
    "warmup_share": 0.0,
    "schedule": "constant_with_warmup",
    "weight_decay": 0.0,
    "max_gradient_norm": 1e9,
    "label_smoothing": 0.0,
    "dropout": 0.0,
    "gain_probability": 0.0,
    "gain_min_db": -45.0,
    "gain_max_db": 5.0,
    "time_masks": 0,
    "time_mask_frames": 50,
    "frequency_masks": 0,
    "frequency_mask_mels": 27,
    "freeze_encoder_layers": 0,
    "lora_rank": 0,
    "lora_alpha": 8,
    "lora_dropout": 0.0,
    "search_share": 1.0,
    "average": 1,
    "keep_of_base": 0.0,
    "early_stopping_patience": 3,
    "keep_checkpoints": 2,
    "seed": 1,
    "mix": {"csv": None, "share": 0.1},
}
"""One step of plain AdamW at a constant rate, with everything else off."""


def recipe(**changes: object) -> Train:
    """The plain recipe with these parameters changed."""
    return Train.model_validate({**PLAIN, **changes})
