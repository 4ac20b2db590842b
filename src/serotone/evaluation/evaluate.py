"""A recogniser over the utterances of a corpus: answers, and the figures made of them.

What is measured is what users get: the same ``Recognizer``, from the file to its probabilities.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from serotone.errors import ConfigError, CorpusError, LeakError
from serotone.evaluation.predict_utterances import Alter, Described, Hearing, listen, wants_speakers
from serotone.evaluation.result import Answer, Evaluation, Source
from serotone.evaluation.score import score
from serotone.types import Failure, Prediction, Sides, Split, Utterance, speakers

_NO_LABEL = "unlabelled"


def evaluate(
    recognizer: Hearing,
    utterances: Sequence[Utterance],
    *,
    corpus: str,
    split: Sides | None = None,
    part: str = "test",
    allow_seen_speakers: bool = False,
    batch_size: int = 16,
    progress: Callable[[int, int], object] | None = None,
    alter: Alter | None = None,
) -> Evaluation:
    """Measure a model on utterances.

    The labels that count are those of the corpus that the model knows; the model's other labels
    are masked and the rest renormalised. ``calm`` adds to ``neutral`` where the corpus has no
    calm. Utterances whose label the model does not know are set aside, and counted as such.

    Args:
        recognizer: the model.
        utterances: the whole corpus, whose labels count.
        corpus: its name, for the report.
        split: which utterances stand on which side; None takes the whole corpus.
        part: side of the split, or ``all``.
        allow_seen_speakers: measure even on speakers that the model learned from; the result's
            protocol says so.
        batch_size: files per call of the model.
        progress: called with how many utterances are done, and of how many.
        alter: what befalls each sound on its way to the model; None leaves it as it is.

    Raises:
        LeakError: when the model learned from a speaker of these utterances.
        CorpusError: when no utterance, or no label, is left to score.
        ConfigError: when there is no such part.

    Example:
        ``evaluate(Recognizer.open(), reading.utterances, corpus="ravdess",
        split=fold(reading.utterances, "luna5:1")).uar``
    """
    chosen = tuple(utterances) if split is None else split.part(part)
    if not chosen:
        raise CorpusError(f"corpus '{corpus}', part '{part}': no utterances, expected some.")
    protocol = _protocol(recognizer.model, chosen, split, allow_seen_speakers)
    if protocol != "claimed" and not all(u.speaker_known for u in utterances):
        protocol = "unverified"
    labels = shared_labels(recognizer.labels, utterances)
    known = [u for u in chosen if u.label in labels]
    aside = Counter(u.label or _NO_LABEL for u in chosen if u.label not in labels)
    answers, failures = _ask(recognizer, known, labels, batch_size, progress, alter)
    provenance = recognizer.model.provenance
    source = Source(
        model=recognizer.model.name,
        recipe=recognizer.model.recipe,
        corpus=corpus,
        split="none" if split is None else split.name,
        split_hash=(split or Sides("none", (), (), chosen)).hash,
        part="all" if split is None else part,
        protocol=protocol,
        seed=provenance.get("seed"),
        params=recognizer.model.n_parameters,
        train_s=provenance.get("train_s"),
        commit=provenance.get("commit"),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        set_aside=dict(sorted(aside.items())),
        failures=tuple(failures),
        thresholds=recognizer.model.thresholds,
    )
    return score(answers, labels, source)


def shared_labels(known: Sequence[str], utterances: Iterable[Utterance]) -> tuple[str, ...]:
    """The labels a model is asked for on a corpus, in the model's order.

    Raises:
        CorpusError: when they share none.
    """
    present = {u.label for u in utterances if u.label}
    reachable = [*known]
    if "calm" in known and "neutral" not in known and "calm" not in present:
        reachable[reachable.index("calm")] = "neutral"
    labels = tuple(label for label in reachable if label in present)
    if not labels:
        raise CorpusError(
            f"the corpus has the labels {sorted(present)}, the model knows {sorted(known)}; "
            "expected at least one in common. Map them in the corpus table."
        )
    return labels


def narrow(probabilities: Mapping[str, float], labels: Sequence[str]) -> dict[str, float]:
    """Probabilities over ``labels`` alone, summing to 1.

    Where ``calm`` is not among them, it adds to ``neutral``. When nothing is left all labels are
    equally likely.

    Example:
        >>> narrow({"neutral": 0.2, "calm": 0.2, "sad": 0.4, "bored": 0.2}, ["neutral", "sad"])
        {'neutral': 0.5, 'sad': 0.5}
    """
    kept = {label: probabilities.get(label, 0.0) for label in labels}
    if "neutral" in kept and "calm" not in kept:
        kept["neutral"] += probabilities.get("calm", 0.0)
    total = math.fsum(kept.values())
    if total <= 0:
        return dict.fromkeys(labels, 1 / len(labels))
    return {label: value / total for label, value in kept.items()}


def seen_speakers(model: Described, utterances: Iterable[Utterance]) -> list[str] | None:
    """Speakers of ``utterances`` that ``model`` learned from or was chosen on.

    Returns:
        Their names, sorted; None when the model does not say whom it learned from.
    """
    learned = model.provenance.get("train_speakers")
    if learned is None:
        return None
    used = {*learned, *model.provenance.get("dev_speakers", ())}
    return [name for name in speakers(utterances) if name in used]


def held_out(model: Described, utterances: Sequence[Utterance]) -> Split:
    """A corpus's utterances on the sides where their speakers stood when the model was trained.

    Speakers that the model's description does not name are on no side.

    Raises:
        ConfigError: when no test speaker of the model is among them.
    """
    known = model.provenance

    def side(key: str) -> tuple[Utterance, ...]:
        names = set(known.get(key, ()))
        return tuple(u for u in utterances if u.speaker in names)

    test = side("test_speakers")
    if not test:
        raise ConfigError(
            f"model '{model.name}' kept none of these {len(speakers(utterances))} speakers for a "
            "test. Take a split that has a name, or none to measure on the whole corpus."
        )
    return Split("held-out", side("train_speakers"), side("dev_speakers"), test)


def _protocol(
    model: Described, chosen: Sequence[Utterance], split: Sides | None, allow_seen: bool
) -> str:
    protocol = "honest" if split is None else split.protocol
    if protocol == "honest" and (wants_speakers(model) or "adapted" in model.provenance):
        protocol = "transductive"
    if protocol == "claimed":  # its leaks are what it is measured for, and its name says so
        return protocol
    if protocol == "text-independent" and split and _learned_from(model, split):
        return protocol
    seen = seen_speakers(model, chosen)
    if seen is None:
        return "unverified"
    if seen and not allow_seen:
        raise LeakError(
            f"model '{model.name}' learned from {len(seen)} of the {len(speakers(chosen))} "
            f"speakers to measure it on, for example '{seen[0]}'; expected none. Measure on other "
            "speakers, or pass --allow-seen-speakers, which the report will say."
        )
    return "seen-speakers" if seen else protocol


def _learned_from(model: Described, split: Sides) -> bool:
    """Whether the model was trained on this very split: the same speakers, by design."""
    return model.provenance.get("split_hash") == split.hash


def _ask(
    recognizer: Hearing,
    utterances: Sequence[Utterance],
    labels: Sequence[str],
    batch_size: int,
    progress: Callable[[int, int], object] | None,
    alter: Alter | None,
) -> tuple[list[Answer], list[Failure]]:
    if batch_size < 1:
        raise ConfigError(f"batch_size: got {batch_size}, expected at least 1.")
    answers: list[Answer] = []
    failures: list[Failure] = []
    listening = listen(recognizer, utterances, batch_size, alter)
    for done, (utterance, heard) in enumerate(listening, 1):
        if isinstance(heard, Failure):
            failures.append(heard)
        else:
            answers.append(_answer(utterance, heard, labels))
        if progress is not None:
            progress(done, len(utterances))
    return answers, failures


def _answer(utterance: Utterance, heard: Prediction, labels: Sequence[str]) -> Answer:
    return Answer(
        id=utterance.id,
        speaker=utterance.speaker,
        sex=utterance.sex,
        truth=utterance.label or _NO_LABEL,
        probabilities=narrow(heard.probabilities, labels),
        intensity=heard.intensity,
        true_intensity=utterance.intensity,
        age=utterance.age,
    )
