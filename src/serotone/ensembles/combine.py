"""Several models as one: their graphs side by side in one ``model.onnx``, answers put together.

Nothing that opens models knows of it: an ensemble is a model folder like any other.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serotone import __version__
from serotone.ensembles.members import TIE, How, Member, members_of
from serotone.ensembles.resample import Resampler
from serotone.errors import MissingExtraError, ModelError
from serotone.inference.backend import OnnxBackend, Output
from serotone.store.layout import ONNX, WEIGHTS
from serotone.store.load import ModelInfo
from serotone.store.save import save

TOLERANCE = 1e-4
"""Largest difference of a probability between the graph and its members put together by hand."""


def ensemble(
    models: Sequence[str | Path],
    *,
    how: How,
    folder: Path,
    weights: Sequence[float] | None = None,
    dev_speakers: Sequence[str] = (),
    temperature: float = 1.0,
) -> ModelInfo:
    """Write a model folder that answers as its members do together.

    Args:
        models: names or folders, at least two; their labels are the same, in any order.
        how: ``average`` of the probabilities; ``vote``, the share of the members that chose a
            label; ``stack``, the average under ``weights``.
        folder: where to; its name becomes the ensemble's.
        weights: one a member, for ``stack``; scaled to sum to 1.
        dev_speakers: whom the weights or the temperature were fitted on.
        temperature: that the logarithms of the probabilities together are divided by: members who
            disagree make a mean that is less sure than it may be.

    Raises:
        ConfigError: for fewer than two members, or weights that do not fit.
        ModelError: when the members' labels or preparation differ, or a file was altered.
        MissingExtraError: when onnx or safetensors is not installed.
    """
    members = members_of(models, weights if how == "stack" else None)
    description = _description(members, how, folder.name, dev_speakers, temperature)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / ONNX
        _write_graph(members, how, path, {"name": folder.name, **description})
        _check(members, how, temperature, path)
        return save(folder, onnx=path, weights=_weights(members), description=description)


def combine(outputs: Sequence[Output], weights: Sequence[float], how: How) -> NDArray[np.float64]:
    """Probabilities (B, C) of members that name the same labels in the same order.

    Example:
        >>> sure, unsure = np.array([[0.9, 0.1]]), np.array([[0.4, 0.6]])
        >>> outputs = [Output(p, np.ones(1), np.ones((1, 1))) for p in (sure, unsure)]
        >>> combine(outputs, [0.5, 0.5], "average").round(2).tolist()
        [[0.65, 0.35]]
    """
    shares = np.stack([output.probabilities for output in outputs]).astype(np.float64)
    if how != "vote":
        mean: NDArray[np.float64] = np.einsum("m,mbc->bc", np.asarray(weights), shares)
        return mean
    votes = np.eye(shares.shape[2])[shares.argmax(axis=2)].mean(axis=0)
    mixed: NDArray[np.float64] = (1 - TIE) * votes + TIE * shares.mean(axis=0)
    return mixed


def _weights(members: Sequence[Member]) -> dict[str, NDArray[np.generic]]:
    try:
        from safetensors.numpy import load_file
    except ModuleNotFoundError:
        raise MissingExtraError("An ensemble", "train", "safetensors") from None
    return {
        f"{place}.{name}": value
        for place, member in enumerate(members)
        for name, value in load_file(member.info.path / WEIGHTS).items()
    }


def _write_graph(
    members: Sequence[Member], how: How, path: Path, description: Mapping[str, Any]
) -> None:
    try:
        from serotone.ensembles.graph import write_graph
    except ModuleNotFoundError as error:
        raise MissingExtraError("An ensemble", "train", str(error.name)) from None
    write_graph(members, how, path, description)


def _check(members: Sequence[Member], how: How, temperature: float, path: Path) -> None:
    """Compare the graph with its members, each run alone."""
    rate = max(member.info.sample_rate for member in members)
    generator = np.random.default_rng(0)
    lengths = (rate // 3, rate, 2 * rate + 257)
    signals = [generator.normal(scale=0.1, size=n).astype(np.float32) for n in lengths]
    outputs = []
    for member in members:
        output = OnnxBackend(member.info.path / ONNX).run(_at_rate(signals, rate, member))
        order = [member.info.labels.index(label) for label in members[0].info.labels]
        outputs.append(output._replace(probabilities=output.probabilities[:, order]))
    expected = combine(outputs, [member.weight for member in members], how) ** (1 / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    got = OnnxBackend(path).run(signals).probabilities
    gap = float(np.abs(got - expected).max())
    if gap > TOLERANCE:
        raise ModelError(
            f"{path}: the ensemble and its members differ by {gap:.2g}, expected at most "
            f"{TOLERANCE:.0e}. Check the versions of onnx and onnxruntime."
        )


def _at_rate(
    signals: Sequence[NDArray[np.float32]], rate: int, member: Member
) -> list[NDArray[np.float32]]:
    if member.info.sample_rate == rate:
        return list(signals)
    resampler = Resampler(rate, member.info.sample_rate)
    return [resampler(signal) for signal in signals]


def _description(
    members: Sequence[Member],
    how: How,
    name: str,
    dev_speakers: Sequence[str],
    temperature: float,
) -> dict[str, Any]:
    """All of ``model.json`` but name and checksums."""
    first = members[0]
    names = ", ".join(member.info.name for member in members)
    return {
        "labels": list(first.info.labels),
        "sample_rate": max(member.info.sample_rate for member in members),
        "n_parameters": sum(member.info.n_parameters for member in members),
        "temperature": temperature,
        "prepare": dict(first.info.prepare),
        "intensity": any(member.description["intensity"] for member in members),
        "recipe": {
            "name": name,
            "description": f"Ensemble ({how}) of {names}",
            "how": how,
            "members": [told(member) for member in members],
        },
        "licence": "\n".join(dict.fromkeys(member.info.licence for member in members)),
        "figures": {},
        "provenance": provenance_of(members, dev_speakers),
    }


def told(member: Member) -> dict[str, Any]:
    """What ``model.json`` says of a member."""
    return {
        "name": member.info.name,
        "weight": round(member.weight, 6),
        "recipe": member.info.recipe,
        "split": member.info.provenance["split"],
        "seed": member.info.provenance["seed"],
        "sha256": member.description["sha256"][ONNX],
    }


def provenance_of(members: Sequence[Member], dev_speakers: Sequence[str] = ()) -> dict[str, Any]:
    """Whom any member learned from; what they do not share is told by none."""
    known = [member.info.provenance for member in members]
    taught = {name for one in known for name in one["train_speakers"]}
    chose = {name for one in known for name in one["dev_speakers"]}.union(dev_speakers)
    tested = set.intersection(*(set(one["test_speakers"]) for one in known))
    corpora = {corpus["name"]: corpus for one in known for corpus in one["corpora"]}
    protocols = [one["protocol"] for one in known if one["protocol"] != "honest"]
    times = [one["train_s"] for one in known if one.get("train_s") is not None]
    return {
        "corpora": [corpora[name] for name in sorted(corpora)],
        "split": _shared(known, "split") or "several",
        "split_hash": _shared(known, "split_hash"),
        "protocol": protocols[0] if protocols else "honest",
        "readers": {name: how for one in known for name, how in one.get("readers", {}).items()},
        "train_speakers": sorted(taught),
        "dev_speakers": sorted(chose - taught),
        "test_speakers": sorted(tested - taught - chose),
        "seed": _shared(known, "seed"),
        "train_s": round(sum(times), 1) if times else None,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": _shared(known, "commit"),
        "versions": {"serotone": __version__},
    }


def _shared(known: Sequence[Mapping[str, Any]], key: str) -> Any:
    values = [one.get(key) for one in known]
    return values[0] if all(value == values[0] for value in values) else None
