"""The parts of a corpus's page that can be heard: a clip of each emotion, and augmentation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serotone.errors import AudioError, MissingExtraError
from serotone.explore import figures
from serotone.explore.augment import AUGMENTATIONS, Augmentation, feature_changes
from serotone.explore.clips import SAMPLE_RATE, excerpt, mp3, one_of_each
from serotone.explore.html import gallery, player, subheading
from serotone.explore.measure import Clip
from serotone.html.page import Fragment, banner, columns, details, figure, paragraph, table
from serotone.types import Audio

_PICTURES = (
    ("waveform", "the air's pressure over time: where somebody speaks, and how loud"),
    ("spectrogram", "how strong each frequency is over time, brighter is stronger; the stripes are "
                    "the harmonics of the voice"),
    ("mel spectrogram", "the same in 64 bands spaced as the ear hears them; what serotone's models "
                        "see"),
    ("pitch", "how high the voice is, by YIN; gaps have no pitch, as “s” or a pause"),
    ("MFCC", "the outline of the mel spectrum in a few numbers (colours: red above 0, blue below); "
             "number 0, the level, is left out"),
    ("chroma", "energy of the twelve tones of an octave, C at the bottom; dark in silence"),
    ("Fourier spectrum", "how strong each frequency is over the whole clip, its strongest at 0 dB"),
)  # fmt: skip


def examples(clips: Sequence[Clip]) -> list[Fragment]:
    """A player and pictures for a clip of each emotion."""
    chosen = one_of_each(clips)
    blocks = [
        paragraph(
            "Of one voice and one sentence where the corpus has them, so that the emotion is what "
            "differs. As loud as recorded, so turn the volume down at first; at 16 kHz, at most "
            "eight seconds."
        ),
        details(
            "How to read the pictures",
            table(("picture", "what it shows"), _PICTURES, text_columns=2),
        ),
    ]
    missing = ""
    for label, clip in chosen.items():
        blocks += [subheading(label), paragraph(_described(clip), soft=True)]
        try:
            audio = excerpt(clip)
        except AudioError as error:
            blocks.append(banner(str(error), kind="note"))
            continue
        blocks.append(player(mp3(audio), label=f"{label}: play"))
        try:
            blocks.append(_pictures(label, audio))
        except MissingExtraError as error:
            missing = str(error)
    return [banner(f"No pictures: {missing}", kind="note"), *blocks] if missing else blocks


def augmented(clips: Sequence[Clip]) -> list[Fragment]:
    """One clip under each augmentation, to hear and to see."""
    chosen = one_of_each(clips)
    label = next((name for name in ("happy", "angry") if name in chosen), next(iter(chosen)))
    try:
        audio = excerpt(chosen[label])
    except AudioError as error:
        return [banner(str(error), kind="note")]
    intro = paragraph(
        f"The clip of “{label}” from above, altered as training may alter it, each by one amount. "
        "An altered copy must stay on the side of its clip. Whether a change helps has to be "
        "measured: one that alters what emotion sounds like may hurt."
    )
    missing: set[str] = set()
    sounds: list[tuple[Augmentation, Audio]] = []
    for augmentation in AUGMENTATIONS:
        try:
            sounds.append((augmentation, augmentation.apply(audio)))
        except MissingExtraError as error:
            missing.add(str(error))
    blocks = _altered(sounds, missing)
    notes = [banner(f"Not all is here: {text}", kind="note") for text in sorted(missing)]
    return [intro, *notes, gallery(blocks)]


def _altered(sounds: Sequence[tuple[Augmentation, Audio]], missing: set[str]) -> list[Fragment]:
    """A block for each sound and each change of features; what cannot be drawn goes to missing."""
    longest_s = max(audio.duration_s for _, audio in sounds)
    high_db = math.nan
    blocks, pictures = [], []
    for augmentation, audio in sounds:
        block = subheading(augmentation.name) + paragraph(augmentation.what)
        block += player(mp3(audio), label=f"{augmentation.name}: play")
        try:
            log_mel = figures.analyse(audio).log_mel
            high_db = float(log_mel.max()) if math.isnan(high_db) else high_db
            block += _mel(augmentation.name, log_mel, high_db=high_db, longest_s=longest_s)
            pictures.append(log_mel)
        except MissingExtraError as error:
            missing.add(str(error))
        blocks.append(Fragment(block))
    if not pictures:
        return blocks
    # SpecAugment fills with the mean: over the range that is drawn, not of near-silence far below.
    original = np.maximum(pictures[0], high_db - figures.TOP_DB)
    for name, (what, log_mel) in feature_changes(original).items():
        block = subheading(name) + paragraph(f"{what} Done to features, so there is no sound.")
        blocks.append(Fragment(block + _mel(name, log_mel, high_db=high_db, longest_s=longest_s)))
    return blocks


def _mel(name: str, log_mel: NDArray[np.float32], *, high_db: float, longest_s: float) -> Fragment:
    picture = figures.mel_picture(
        log_mel,
        sample_rate=SAMPLE_RATE,
        high_db=high_db,
        longest_s=longest_s,
        name=f"augmentation {name}",
    )
    return figure(picture, alt=f"Mel spectrogram: {name}")


def _pictures(label: str, audio: Audio) -> Fragment:
    analysis = figures.analyse(audio)
    return columns(
        figure(
            figures.sound_picture(analysis, name=f"sound {label}"),
            alt=f"{label}: waveform, spectrogram, mel spectrogram and pitch",
        ),
        figure(
            figures.feature_picture(analysis, name=f"features {label}"),
            alt=f"{label}: MFCC, chroma and Fourier spectrum",
        ),
    )


def _described(clip: Clip) -> str:
    utterance = clip.utterance
    words = [Path(utterance.path).name, f"speaker {utterance.speaker}"]
    if utterance.sex:
        words.append(utterance.sex)
    if utterance.sentence:
        words.append(f"sentence {utterance.sentence}")
    if not math.isnan(utterance.intensity):
        words.append(f"intensity {utterance.intensity:.0%}")
    return ", ".join([*words, f"{clip.duration_s:.1f} s", f"{clip.rms_db:.0f} dBFS"])
