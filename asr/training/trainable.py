"""What of the model is trained: all of it, all but the first layers, or LoRA's small matrices beside it."""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import WhisperForConditionalGeneration

from asr.base.errors import DataError

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
"""Every linear layer of Whisper's blocks: on all of them LoRA keeps up with full tuning (arXiv:2305.14314, figure 2)."""


def set_dropout(model: WhisperForConditionalGeneration, probability: float) -> None:
    """Set the share that training drops of what each block adds and of its attention; the configuration stays as it was."""
    for module in model.modules():
        if isinstance(getattr(module, "dropout", None), int | float):
            module.dropout = probability


def freeze_encoder(model: WhisperForConditionalGeneration, layers: int | Literal["all"]) -> None:
    """Leave the encoder's positions as they are, and its convolutions with its first `layers` layers, or all of it.

    Raises:
        DataError: when it has fewer.
    """
    encoder = model.model.encoder
    # Sinusoids, a constant to all other software; transformers 5.23 loads them as if they were to be trained.
    encoder.embed_positions.requires_grad_(False)
    if layers == "all":
        encoder.requires_grad_(False)
        return
    if layers > len(encoder.layers):
        raise DataError(
            f"train.freeze_encoder_layers is {layers}, but model.name has {len(encoder.layers)}: lower it or set all"
        )
    if layers:
        for part in (encoder.conv1, encoder.conv2, *encoder.layers[:layers]):
            part.requires_grad_(False)


def checkpoint_activations(model: nn.Module, wanted: bool) -> None:
    """Have activations computed again in the backward pass, which saves memory, or kept until then.

    transformers 5.23 renamed the methods and warns of the old names, the only ones that 5.17 knows.
    """
    does = "enable" if wanted else "disable"
    new, old = f"activation_checkpointing_{does}", f"gradient_checkpointing_{does}"
    getattr(model, new if hasattr(model, new) else old)()


def with_lora(model: WhisperForConditionalGeneration, rank: int, alpha: int, dropout: float) -> PeftModel:
    """Freeze the model and lay LoRA's matrices beside every linear layer of its blocks."""
    return get_peft_model(
        model, LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(LORA_TARGETS), bias="none")
    )


def merged(model: nn.Module) -> WhisperForConditionalGeneration:
    """The ordinary model: LoRA's matrices, where there are any, added to the weights beside them."""
    return model.merge_and_unload() if isinstance(model, PeftModel) else model


def parameter_groups(
    model: WhisperForConditionalGeneration, rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """The optimiser's groups: matrices decay, biases and norms do not; a layer's rate is `layer_decay` times that of the next.

    Layers count from the encoder's convolutions up to the decoder's last norm, which has the full rate. The token embeddings,
    which are the output layer too, count as the decoder's first.
    """
    groups = []
    for below, layer in enumerate(reversed(list(_layers(model)))):
        trained = [parameter for module in layer for parameter in module.parameters() if parameter.requires_grad]
        for decays in (True, False):
            parameters = [parameter for parameter in trained if (parameter.ndim > 1) is decays]
            if parameters:
                decay = weight_decay if decays else 0.0
                groups.append({"params": parameters, "lr": rate * layer_decay**below, "weight_decay": decay})
    return groups


def gradients(model: nn.Module) -> list[Tensor]:
    """The gradients of all that is trained, made where there is none yet."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad for parameter in trained if parameter.grad is not None]


def _layers(model: WhisperForConditionalGeneration) -> Iterator[list[nn.Module]]:
    encoder, decoder = model.model.encoder, model.model.decoder
    yield [encoder.conv1, encoder.conv2, encoder.embed_positions]
    yield from ([layer] for layer in encoder.layers)
    yield [encoder.layer_norm]
    yield [decoder.embed_tokens, decoder.embed_positions]
    yield from ([layer] for layer in decoder.layers)
    yield [decoder.layer_norm]
