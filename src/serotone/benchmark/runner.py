"""A matrix of recipes, folds and seeds: trained, measured, kept; when killed, it goes on."""

from __future__ import annotations

import json
import shutil
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serotone.benchmark import training_time as clock
from serotone.benchmark.keep import keep
from serotone.benchmark.learning_curve import read_curve
from serotone.benchmark.plan import Impossible, Run, Together, plan
from serotone.benchmark.result_store import read_result
from serotone.benchmark.suite import Entry
from serotone.ensembles.combine import ensemble
from serotone.errors import ConfigError, SerotoneError
from serotone.evaluation.evaluate import evaluate
from serotone.inference.recognizer import Recognizer
from serotone.store.layout import DESCRIPTION
from serotone.store.load import ModelInfo, describe
from serotone.training.feature_cache import Kept
from serotone.training.recipe import Recipe
from serotone.training.save_model import publish
from serotone.training.train import train
from serotone.types import Utterance

Stage = Literal["planning", "training", "measuring", "done", "skipped", "stale", "failed"]


@dataclass(frozen=True, slots=True)
class Step:
    """Where a benchmark stands.

    Attributes:
        name: of the run.
        stage: what begins, or how the run ended: ``done``, ``skipped`` (its result was there),
            ``stale`` (the same, and the recipe has changed since) or ``failed``.
        n_done: runs that ended, this one included where it did.
        n_runs: of the whole benchmark.
        remark: what went wrong, in one line.
    """

    name: str
    stage: Stage
    n_done: int
    n_runs: int
    remark: str = ""


Watch = Callable[[Step], object]


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of a benchmark.

    Attributes:
        corpora: with one folder for each corpus.
        results: where results are kept.
        runs: where checkpoints, logs and models are kept, one folder a run.
    """

    corpora: Path
    results: Path
    runs: Path


def benchmark(
    entries: Sequence[Entry],
    places: Places,
    *,
    again: bool = False,
    watch: Watch = lambda step: None,
    on_clip: Callable[[], None] = lambda: None,
) -> list[Step]:
    """Train and measure every run whose result is not there yet.

    A run that fails is one step of the stage ``failed``; the others go on. A run that was killed
    goes on after its last whole epoch when the benchmark is started again.

    Args:
        entries: what to run, in order.
        places: where things are.
        again: start every run over, whatever is there of it.
        watch: told where the benchmark stands.
        on_clip: called for every clip read for training.

    Returns:
        How each run ended, in order.

    Example:
        ``benchmark(entries_of(["ravdess-resnet"], folds="all"), Places(corpora, results, runs))``
    """
    planned = list(plan(entries, places.corpora))
    kept = Kept()
    ended: list[Step] = []
    for item in planned:
        if isinstance(item, Impossible):
            end = Step(item.name, "failed", 0, 0, item.why)
        else:
            end = _guarded(item, places, again, kept, len(ended), len(planned), watch, on_clip)
        last = Step(end.name, end.stage, len(ended) + 1, len(planned), end.remark)
        ended.append(last)
        watch(last)
    return ended


def _guarded(
    run: Run | Together,
    places: Places,
    again: bool,
    kept: Kept,
    n_done: int,
    n_runs: int,
    watch: Watch,
    on_clip: Callable[[], None],
) -> Step:
    def tell(stage: Stage) -> None:
        watch(Step(run.name, stage, n_done, n_runs))

    file = places.results / f"{run.name}.json"
    try:
        if file.is_file() and not again:
            return _skipped(run, file)
        if isinstance(run, Together):
            put_together(run, places, tell=tell)
        else:
            run_one(run, places, again=again, kept=kept, tell=tell, on_clip=on_clip)
        return Step(run.name, "done", n_done, n_runs)
    except SerotoneError as error:
        return Step(run.name, "failed", n_done, n_runs, str(error))
    except Exception as error:  # noqa: BLE001 - whatever befalls one run, the others go on
        note = places.runs / run.name / "error.txt"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(traceback.format_exc(), encoding="utf-8")
        remark = f"{type(error).__name__}: {error}".splitlines()[0]
        return Step(run.name, "failed", n_done, n_runs, f"{remark} (all of it: {note})")


def _skipped(run: Run | Together, file: Path) -> Step:
    read_result(file)
    if isinstance(run, Together):
        return Step(run.name, "skipped", 0, 0)
    made_by = json.loads(file.read_text(encoding="utf-8")).get("recipe_hash", run.recipe_hash)
    if made_by == run.recipe_hash:
        return Step(run.name, "skipped", 0, 0)
    remark = "its recipe has changed since; --again makes it anew"
    return Step(run.name, "stale", 0, 0, remark)


def run_one(
    run: Run,
    places: Places,
    *,
    again: bool = False,
    kept: Kept | None = None,
    tell: Callable[[Stage], object] = lambda stage: None,
    on_clip: Callable[[], None] = lambda: None,
) -> Path:
    """Train, or go on training, then measure and keep the result.

    Args:
        run: what to do.
        places: where to.
        again: delete what is there of this run and start over.
        kept: features of earlier runs, to which those of this one are added.
        tell: told the stages ``training`` and ``measuring``.
        on_clip: called for every clip read for training.

    Returns:
        The result's file.

    Raises:
        ConfigError: when the run's folder holds another recipe's or split's run.
    """
    folder = places.runs / run.name
    if again and folder.exists():
        shutil.rmtree(folder)
    model = _finished(run, folder)
    if model is None:
        tell("training")
        resume = (folder / "run.json").is_file()
        earlier_s = clock.begin(folder)
        trained = train(
            run.recipe, run.split, out=folder, resume=resume, kept=kept, on_clip=on_clip
        )
        clock.end(folder, earlier_s + trained.train_s)
        model = publish(trained, run.recipe, run.split, folder=folder / run.recipe.name)
    tell("measuring")
    evaluation = evaluate(
        Recognizer.open(model.path, sound_check=False),
        _of_tested_corpora(run),
        corpus=_corpora(run.split.test),
        split=run.split,
    )
    spent_s = clock.total(folder)
    more = {
        "architecture": run.recipe.model,
        "recipe_hash": run.recipe_hash,
        "train_s": model.provenance["train_s"] if spent_s is None else round(spent_s, 1),
        "curve": read_curve(folder, kept=int(model.provenance["epoch"]) + 1),
    }
    return keep(
        evaluation, model, folder=places.results, name=run.name, n_folds=run.n_folds, more=more
    )


def put_together(
    run: Together, places: Places, *, tell: Callable[[Stage], object] = lambda stage: None
) -> Path:
    """Make an ensemble of the models of a fold, measure it and keep the result.

    Returns:
        The result's file.

    Raises:
        ConfigError: when a member has no model in the folder of runs, or there is but one.
    """
    folders = [places.runs / member.name / member.recipe.name for member in run.members]
    for made in folders:
        if not (made / DESCRIPTION).is_file():
            raise ConfigError(f"'{run.name}' needs the model {made}, which --again trains anew.")
    tell("measuring")
    first = run.members[0]
    model = ensemble(folders, how=run.how, folder=places.runs / run.name / run.model)
    evaluation = evaluate(
        Recognizer.open(model.path, sound_check=False),
        _of_tested_corpora(first),
        corpus=_corpora(first.split.test),
        split=first.split,
    )
    more = {"architecture": run.architecture, "train_s": model.provenance["train_s"]}
    return keep(
        evaluation, model, folder=places.results, name=run.name, n_folds=first.n_folds, more=more
    )


def _of_tested_corpora(run: Run) -> list[Utterance]:
    """Utterances whose labels count: those of the corpora that test, not of all that taught."""
    tested = {u.corpus for u in run.split.test}
    return [u for u in run.utterances if u.corpus in tested]


def _corpora(utterances: Iterable[Utterance]) -> str:
    return "+".join(sorted({u.corpus for u in utterances}))


def _finished(run: Run, folder: Path) -> ModelInfo | None:
    """The model of a run that was killed between training and measuring."""
    path = folder / run.recipe.name
    if not (path / DESCRIPTION).is_file():
        return None
    model = describe(path)
    values = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
    try:
        # Options that a recipe of an older release did not have stand at their defaults.
        made_by = Recipe.parse(values["recipe"])
    except ConfigError:
        return None
    same = made_by == run.recipe and model.provenance["split_hash"] == run.split.hash
    return model if same else None
