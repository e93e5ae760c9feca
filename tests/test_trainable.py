"""What is trained: frozen layers stay, every rate is its layer's, LoRA ends as an ordinary model."""

import pytest
import torch
from torch import Tensor
from transformers import WhisperConfig, WhisperForConditionalGeneration

from asr.base.errors import DataError
from asr.training.trainable import freeze_encoder, merged, parameter_groups, set_dropout, with_lora

SOUND = torch.randn(2, 80, 32, generator=torch.Generator().manual_seed(0))
TOKENS = torch.tensor([[1, 2, 3], [4, 5, 6]])


@pytest.fixture
def model() -> WhisperForConditionalGeneration:
    """Two layers each, 16 wide, in evaluation mode."""
    torch.manual_seed(0)
    sizes = {f"{part}_{key}": n for part in ("encoder", "decoder") for key, n in (("layers", 2), ("attention_heads", 2))}
    config = WhisperConfig(
        vocab_size=20, d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=16, max_target_positions=8,
        pad_token_id=0, bos_token_id=0, eos_token_id=0, decoder_start_token_id=1, init_std=0.2, **sizes,
    )  # fmt: skip
    return WhisperForConditionalGeneration(config).eval()


@torch.no_grad()
def logits(model: WhisperForConditionalGeneration, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    result: Tensor = model(input_features=SOUND, decoder_input_ids=TOKENS).logits
    return result


def trained(model: WhisperForConditionalGeneration) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_without_freezing_all_but_the_sinusoids_is_trained(model: WhisperForConditionalGeneration) -> None:
    model.requires_grad_(True)  # as transformers loads it

    freeze_encoder(model, 0)

    frozen = {name for name, _ in model.named_parameters()} - trained(model)
    assert frozen == {"model.encoder.embed_positions.weight"}


def test_the_first_layers_are_frozen_with_the_convolutions(model: WhisperForConditionalGeneration) -> None:
    before = trained(model)

    freeze_encoder(model, 1)

    parts = {".".join(name.split(".")[1:4]) for name in before - trained(model)}
    assert parts == {
        "encoder.conv1.weight",
        "encoder.conv1.bias",
        "encoder.conv2.weight",
        "encoder.conv2.bias",
        "encoder.layers.0",
    }
    assert not [name for name in trained(model) if name.startswith("model.encoder.layers.0.")]


def test_all_freezes_the_encoder_and_nothing_else(model: WhisperForConditionalGeneration) -> None:
    before = trained(model)

    freeze_encoder(model, "all")

    assert trained(model) == {name for name in before if not name.startswith("model.encoder.")}


def test_more_layers_than_there_are_is_an_error_that_names_both_keys(model: WhisperForConditionalGeneration) -> None:
    with pytest.raises(DataError, match=r"train.freeze_encoder_layers is 3, but model.name has 2: lower it or set all"):
        freeze_encoder(model, 3)


def test_every_trained_parameter_is_in_one_group(model: WhisperForConditionalGeneration) -> None:
    freeze_encoder(model, 1)

    grouped = [id(parameter) for group in parameter_groups(model, 1e-3, 0.5, 0.1) for parameter in group["params"]]

    # Once for the tied embeddings, which named_parameters tells once, too.
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters() if parameter.requires_grad)
    assert id(model.proj_out.weight) == id(model.model.decoder.embed_tokens.weight)


def test_rates_fall_from_layer_to_layer_and_neither_biases_nor_norms_decay(model: WhisperForConditionalGeneration) -> None:
    groups = parameter_groups(model, rate=128.0, layer_decay=0.5, weight_decay=0.1)

    of = {id(parameter): (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]}
    found = {name.removeprefix("model."): of.get(id(parameter)) for name, parameter in model.named_parameters()}
    expected = {
        "decoder.layer_norm.weight": (128, 0), "decoder.layer_norm.bias": (128, 0),
        "decoder.layers.1.fc1.weight": (64, 0.1), "decoder.layers.1.encoder_attn_layer_norm.weight": (64, 0),
        "decoder.layers.0.fc2.bias": (32, 0), "decoder.layers.0.encoder_attn.q_proj.weight": (32, 0.1),
        "decoder.embed_tokens.weight": (16, 0.1), "decoder.embed_positions.weight": (16, 0.1),
        "encoder.layer_norm.weight": (8, 0),
        "encoder.layers.1.self_attn.k_proj.weight": (4, 0.1), "encoder.layers.1.fc1.bias": (4, 0),
        "encoder.layers.0.fc1.weight": (2, 0.1), "encoder.layers.0.final_layer_norm.weight": (2, 0),
        "encoder.conv1.weight": (1, 0.1), "encoder.conv2.bias": (1, 0),
        "encoder.embed_positions.weight": None,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_without_layer_decay_every_rate_is_the_same(model: WhisperForConditionalGeneration) -> None:
    assert {group["lr"] for group in parameter_groups(model, 0.3, 1.0, 0.1)} == {0.3}


def test_of_lora_only_its_matrices_are_trained_and_at_first_they_change_nothing(model: WhisperForConditionalGeneration) -> None:
    before = logits(model)

    adapted = with_lora(model, rank=4, alpha=8, dropout=0.0)

    # Two matrices for each of six linear layers in the encoder's and ten in the decoder's.
    assert len(trained(adapted)) == 2 * 2 * (6 + 10)
    assert all(".lora_A." in name or ".lora_B." in name for name in trained(adapted))
    assert {min(parameter.shape) for parameter in adapted.parameters() if parameter.requires_grad} == {4}
    assert torch.equal(logits(adapted), before)
    grouped = [parameter for group in parameter_groups(model, 1e-3, 1.0, 0.1) for parameter in group["params"]]
    assert len(grouped) == len(trained(adapted))


def test_lora_ends_as_an_ordinary_model(model: WhisperForConditionalGeneration) -> None:
    names, before = set(merged(model).state_dict()), logits(model)
    adapted = with_lora(model, rank=4, alpha=8, dropout=0.0)
    for name, parameter in adapted.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.1)
    expected = logits(adapted)

    ordinary = merged(adapted)

    assert type(ordinary) is WhisperForConditionalGeneration
    assert ordinary is model
    assert set(ordinary.state_dict()) == names
    torch.testing.assert_close(logits(ordinary), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, before, rtol=1e-2, atol=1e-2)


def test_dropout_is_for_training_only_and_the_configuration_keeps_its_own(model: WhisperForConditionalGeneration) -> None:
    plain = logits(model)

    set_dropout(model, 0.3)

    assert torch.equal(logits(model), plain)
    assert not torch.equal(logits(model.train()), plain)
    assert not torch.equal(logits(model, seed=1), logits(model, seed=2))
    assert model.config.dropout == 0.0
    set_dropout(model, 0.0)
    assert torch.equal(logits(model), plain)
