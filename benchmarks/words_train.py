"""Train the text model, calibrate it on dev, and write the file that ships.

    python benchmarks/words_train.py recipes/text/words.toml --text ../shared/text

It learns from the train parts of GoEmotions and MELD; temperature and thresholds come from their
dev parts. No test part is read here: ``benchmarks/words_text.py`` does that, once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import torch
from words_scores import best_thresholds, f1_of_sets

from serotone.config import read_toml
from serotone.metrics.temperature import fit_temperature
from serotone.training.text import TextConfig, TextModel, featurise, flatten, train
from serotone.training.text_data import LABELS, join, read_goemotions, read_meld
from serotone.training.text_export import Served, to_onnx
from serotone.words.embedded import SHIPPED_FILE, Embedded


def logits_of(model: TextModel, texts: tuple[str, ...], n_buckets: int) -> np.ndarray:
    """Of shape (M, C)."""
    features = featurise(texts, n_buckets)
    rows = []
    with torch.inference_mode():
        for start in range(0, len(features), 256):
            ids, starts = flatten(features[start : start + 256])
            rows.append(model(ids, starts, torch.ones(len(ids))).numpy())
    return np.concatenate(rows)


def main() -> None:
    """Train, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--text", type=Path, required=True, help="holds goemotions-ekman and meld")
    parser.add_argument("--out", type=Path, default=SHIPPED_FILE)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)

    config = TextConfig.parse(read_toml(options.recipe))
    goemotions, meld = options.text / "goemotions-ekman", options.text / "meld"
    model = train(config, join(read_goemotions(goemotions, "train"), read_meld(meld, "train")))

    dev = read_goemotions(goemotions, "dev")
    one_label = join(dev.single, read_meld(meld, "dev"))
    logits = logits_of(model, one_label.texts, config.n_buckets)
    temperature = fit_temperature(logits, one_label.truth)
    served = Served(model, temperature=temperature)

    # Thresholds for texts of several labels, on what the file itself will say.
    description = {
        "labels": LABELS,
        "languages": ["en"],
        "corpora": ["GoEmotions (CC BY 4.0)", "MELD (research use)"],
        "recipe": config.model_dump(),
        "temperature": temperature,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    to_onnx(served, options.out, description)
    shares = np.concatenate([Embedded(options.out).probabilities([text]) for text in dev.texts])
    thresholds = best_thresholds(dev.targets, shares)
    to_onnx(served, options.out, {**description, "thresholds": thresholds.tolist()})

    f1 = f1_of_sets(dev.targets, shares > thresholds)
    size = options.out.stat().st_size
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    print(json.dumps({"dev_macro_f1": round(float(f1.mean()), 4), "bytes": size, "sha256": digest}))


if __name__ == "__main__":
    main()
