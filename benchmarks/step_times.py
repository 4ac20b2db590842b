"""Time of one training step of every recipe of the reference systems, and of a clip's features."""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from serotone.models.base import EmotionModel
from serotone.training.loop import lay_out
from serotone.training.losses import masked_cross_entropy
from serotone.training.recipe import load_recipe
from serotone.training.train import build

RECIPES = (
    "cnn1d_stack2376-honest",
    "cnn2d_logmel128-honest",
    "cnn_bilstm_mfcc39-honest",
    "lstm_mfcc-honest",
    "cnn_gru_mel64-honest",
    "cnn_lstm_mel64-honest",
    "cnn_lstm_mel64_small-honest",
    "cnn_lstm_mel64_l2-honest",
    "light_sernet-honest",
    "lstm_attention-honest",
    "ravdess-resnet",
)
CLIP_S = 3.7
"""Mean length of a clip of RAVDESS."""


def measure(name: str) -> tuple[int, float, float, float]:
    """Batch size, processor seconds of a clip's features, of a step in float32 and in bfloat16."""
    recipe = load_recipe(name)
    model = build(recipe).train()
    lay_out(model, torch.channels_last)
    n_samples, size = round(CLIP_S * model.sample_rate), recipe.optimiser.batch_size
    start = time.process_time()
    with torch.no_grad():
        features, counts = model.features(
            0.1 * torch.randn(4, n_samples), torch.full((4,), n_samples)
        )
    features_s = (time.process_time() - start) / 4
    x = features[:1] + torch.randn(size, *features.shape[1:])
    step_s, bf16_step_s = (
        step_time(model, x, counts[:1].repeat(size), n_classes=len(recipe.data.labels), bf16=bf16)
        for bf16 in (False, True)
    )
    return size, features_s, step_s, bf16_step_s


def step_time(model: EmotionModel, x: Tensor, n: Tensor, *, n_classes: int, bf16: bool) -> float:
    """Processor seconds of a step after two first ones."""
    targets = one_hot(torch.arange(len(x)) % n_classes, n_classes).float()
    allowed = torch.ones(len(x), n_classes, dtype=torch.bool)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
    step_s = 0.0
    for _ in range(3):
        start = time.process_time()
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model.classify(x, n).logits.float()
        loss = masked_cross_entropy(logits, targets, allowed) + model.penalty()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step_s = time.process_time() - start
    return step_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    recipes = parser.parse_args().recipes
    torch.set_num_threads(1)
    print("| model | batch | features of a clip, ms | step in float32, s | in bfloat16, s |")
    print("|---|---:|---:|---:|---:|")
    for name in recipes:
        size, features_s, step_s, bf16_s = measure(name)
        row = f"| {name} | {size} | {1000 * features_s:.0f} | {step_s:.2f} | {bf16_s:.2f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
