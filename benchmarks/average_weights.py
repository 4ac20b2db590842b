"""The weights of two models of one training averaged, as a model folder of its own.

    python benchmarks/average_weights.py FIRST SECOND --share 0.25 --out FOLDER

The second must have begun as the first: nets that were drawn apart do not average (Wortsman et al.
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
    model = reopen(describe(first))
    copy_weights(model, mixed, name=asked.out.name)
    kept = json.loads((first / DESCRIPTION).read_text(encoding="utf-8"))
    names = [describe(folder).name for folder in (first, second)]
    description = {k: v for k, v in kept.items() if k not in {"name", "sha256"}} | {
        "figures": {},
        "made_from": {"names": names, "share": asked.share},
    }
    write(model, description, folder=asked.out)


if __name__ == "__main__":
    main()
