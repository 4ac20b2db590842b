"""The weights of models of one training averaged, as a model folder of its own.

    python benchmarks/average_weights.py FIRST SECOND... --shares 0.75 0.25 --out FOLDER

All others must have begun as the first: nets that were drawn apart do not average (Wortsman et al.
2022, arXiv:2203.05482). `benchmarks/dev_speakers.py` then tells what it is worth. The folder keeps
the first one's temperature and no figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors.torch import load_file

from serotone.store.folder import DESCRIPTION, WEIGHTS, describe, resolve
from serotone.training.adapt import reopen
from serotone.training.begin import copy_weights
from serotone.training.publish import write


def main() -> None:
    """Average, export and save."""
    parser = argparse.ArgumentParser(description="Average the weights of models.")
    parser.add_argument("models", nargs="+", help="names or folders, the first began the others")
    parser.add_argument(
        "--shares", type=float, nargs="+", help="of each; as much of each if left out"
    )
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    folders = [resolve(name) for name in asked.models]
    shares = asked.shares or [1 / len(folders)] * len(folders)
    if len(shares) != len(folders) or abs(sum(shares) - 1) > 1e-6:
        parser.error(f"got shares {shares} of {len(folders)} models, expected one each, 1 in all.")
    first = folders[0]
    weights = [load_file(folder / WEIGHTS) for folder in folders]
    mixed = {
        name: sum(share * ours[name].float() for share, ours in zip(shares, weights, strict=True))
        for name, value in weights[0].items()
        if value.is_floating_point()
    }
    model = reopen(describe(first))
    copy_weights(model, mixed, name=asked.out.name)
    kept = json.loads((first / DESCRIPTION).read_text(encoding="utf-8"))
    names = [describe(folder).name for folder in folders]
    description = {k: v for k, v in kept.items() if k not in {"name", "sha256"}} | {
        "figures": {},
        "made_from": {"names": names, "shares": shares},
    }
    write(model, description, folder=asked.out)


if __name__ == "__main__":
    main()
