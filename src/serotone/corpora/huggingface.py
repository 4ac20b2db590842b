"""Hugging Face ``datasets`` with an Audio column, saved on disk.

https://huggingface.co/docs/datasets/audio_dataset
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serotone.corpora.reader import CorpusInfo, Problem, Reading, finish
from serotone.errors import CorpusError, MissingExtraError, did_you_mean
from serotone.labels import normalise
from serotone.types import Utterance

CLIPS = "serotone-clips"
"""Folder below the dataset's own where sound kept inside the dataset is written out."""


@dataclass(frozen=True)
class HuggingFace:
    """Reader of a dataset that ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote.

    Clips inside the dataset are written beside it, once, as files of their own format.

    Attributes:
        info: its provenance.
        name: the corpus its utterances belong to; empty for the folder's name.
        audio, label, speaker, sentence, language: names of its columns; all but the first two
            may be absent.
    """

    info: CorpusInfo
    name: str = ""
    audio: str = "audio"
    label: str = "label"
    speaker: str = "speaker"
    sentence: str = "text"
    language: str = "language"

    def read(self, root: Path) -> Reading:
        corpus = self.name or root.name
        problems: list[Problem] = []
        found: list[Utterance] = []
        for name, row, labels in self._rows(root):
            path = _clip(root, name, row[self.audio])
            if path is None:
                message = f"row '{name}' has neither sound nor a file."
                problems.append(Problem(root / name, "missing", message))
                continue
            speaker = row.get(self.speaker)
            found.append(
                Utterance(
                    id=f"{corpus}/{name}",
                    path=path,
                    corpus=corpus,
                    speaker=f"{corpus}-{name if speaker is None else speaker}",
                    label=_label(row[self.label], labels),
                    sentence=str(row.get(self.sentence) or ""),
                    language=str(row.get(self.language) or ""),
                    speaker_known=speaker is not None,
                )
            )
        remedy = "Name the column of the speakers with the option speaker."
        return finish(self.info, root, found, problems, remedy=remedy)

    def _rows(self, root: Path) -> Iterator[tuple[str, Mapping[str, Any], list[str]]]:
        """Name, values and class names of every row of every part."""
        for part, dataset in _load(root).items():
            for column in (self.audio, self.label):
                if column not in dataset.features:
                    hint = did_you_mean(column, dataset.features)
                    raise CorpusError(f"{root}: no column '{column}' in the dataset. {hint}")
            labels = getattr(dataset.features[self.label], "names", [])
            for number, row in enumerate(_undecoded(dataset, self.audio)):
                yield f"{part}/{number:06d}", row, labels


def _load(root: Path) -> Mapping[str, Any]:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("reading Hugging Face datasets", "corpora", "datasets") from None
    try:
        loaded = datasets.load_from_disk(str(root))
    except (FileNotFoundError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise CorpusError(
            f"'{root}': {first}. Give a folder written by the dataset's save_to_disk."
        ) from None
    return loaded if isinstance(loaded, datasets.DatasetDict) else {"all": loaded}


def _undecoded(dataset: Any, audio: str) -> Any:
    """The same rows, sound as bytes or path: decoding is another room's."""
    import datasets

    return dataset.cast_column(audio, datasets.Audio(decode=False))


def _clip(root: Path, name: str, sound: Mapping[str, Any] | None) -> Path | None:
    content = (sound or {}).get("bytes")
    origin = Path((sound or {}).get("path") or "")
    if content is None:
        return origin if origin.is_file() else None
    path = root / CLIPS / f"{name}{origin.suffix or '.wav'}"
    if not path.is_file() or path.stat().st_size != len(content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def _label(value: Any, labels: list[str]) -> str | None:
    if value is None or (labels and value < 0):
        return None
    return normalise(labels[value] if labels else str(value))


HUGGINGFACE = HuggingFace(
    CorpusInfo(
        name="huggingface",
        title="a dataset of Hugging Face datasets",
        url="https://huggingface.co/docs/datasets",
        notes="A folder written by save_to_disk. Needs pip install 'serotone[corpora]'.",
    )
)
