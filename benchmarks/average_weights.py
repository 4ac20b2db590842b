"""The weights of two models of one training averaged, as a model folder of its own.

    python benchmarks/average_weights.py FIRST SECOND --share 0.25 --out FOLDER

The second must have begun as the first: nets that were drawn apart do not average (Wortsman et al.
2022, arXiv:2203.05482). `benchmarks/dev_speakers.py` then tells what it is worth. The folder keeps
the first one's temperature and no figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from safetensors.torch import load_file

from serotone.export.graph import Pipeline, export_checked
from serotone.store.folder import DESCRIPTION, ONNX, WEIGHTS, describe, resolve
from serotone.store.save import save
from serotone.training.begin import copy_weights
from serotone.training.recipe import Recipe
from serotone.training.train import build


def main() -> None:
    """Average, export and save."""
    parser = argparse.ArgumentParser(description="Average the weights of two models.")
    parser.add_argument("first", help="a model's name or folder")
    parser.add_argument("second", help="one that was trained on from the first")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, from 0 to 1")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    first, second = (resolve(name) for name in (asked.first, asked.second))
    ours, theirs = (load_file(folder / WEIGHTS) for folder in (first, second))
    mixed = {
        name: ((1 - asked.share) * value.float() + asked.share * theirs[name].float())
        for name, value in ours.items()
        if value.is_floating_point()
    }
    kept = json.loads((first / DESCRIPTION).read_text(encoding="utf-8"))
    model = build(Recipe.model_validate(kept["recipe"])).eval()
    copy_weights(model, mixed, name=asked.out.name)
    description = {k: v for k, v in kept.items() if k not in {"name", "sha256"}} | {
        "figures": {},
        "made_from": {
            "names": [describe(folder).name for folder in (first, second)],
            "share": asked.share,
        },
    }
    pipeline = Pipeline(model, temperature=kept["temperature"], intensity=kept["intensity"])
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / ONNX
        export_checked(pipeline, graph, {"name": asked.out.name, **description})
        weights = {name: value.numpy() for name, value in mixed.items()}
        save(asked.out, onnx=graph, weights=weights, description=description)


if __name__ == "__main__":
    main()
