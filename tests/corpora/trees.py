"""Small trees laid out as the corpora's owners publish them, with a sound in every file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

SOUND = np.zeros(160, dtype=np.float32)

TABULATED_VOTES = """\
"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote","meanEmoResp"
"100009",5,5,0,0,1,1,"1001_IEO_ANG_MD",12,0.41,"A:D",50.5
"200009",4,1,0,0,3,1,"1001_IEO_ANG_MD",9,0.44,"A",52.8
"300009",5,2,0,0,3,0,"1001_IEO_ANG_MD",10,0.5,"A",59.5
"100010",0,0,0,1,9,0,"1091_TIE_NEU_XX",10,0.9,"N",70
"""
DEMOGRAPHICS = """\
"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1091,29,"Female","Caucasian","Not Hispanic"
"""
EVALUATION = """\
% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Sadness;\t()
C-E4:\tNeutral;\t(bored)
C-F1:\tSadness;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\texc\t[2.5000, 3.5000, 2.5000]
C-E2:\tExcited;\t()

[12.0 - 13.0]\tSes01F_impro01_F001\tfru\t[2.0, 3.0, 2.0]
C-E2:\tFrustration;\t()

[14.0 - 15.0]\tSes01F_impro01_F002\txxx\t[2.0, 3.0, 2.0]
C-E2:\tOther;\t()

[16.0 - 17.0]\tSes01F_impro01_F003\tang\t[2.0, 3.0, 2.0]
C-E2:\tAnger;\t()
"""
TRANSCRIPTION = """\
Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M000 [010.0100-011.3925]: Do you have your forms?
"""
MELD = """\
Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode
1,"Oh, my God!",Monica,surprise,negative,0,0,1,1
2,Well.,Ross,joy,positive,0,1,1,1
"""


def sound(path: Path) -> Path:
    """A readable file, in the format its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opus = path.suffix == ".opus"
    soundfile.write(path, SOUND, 16000, *(("OPUS", None, "OGG") if opus else ()))
    return path


def sounds(root: Path, names: Iterable[str]) -> None:
    for name in names:
        sound(root / name)


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def crema_d(root: Path) -> None:
    sounds(root, ["AudioWAV/1001_IEO_ANG_MD.wav", "AudioWAV/1091_TIE_NEU_XX.wav"])
    text(root / "processedResults" / "tabulatedVotes.csv", TABULATED_VOTES)
    text(root / "VideoDemographics.csv", DEMOGRAPHICS)


def iemocap(root: Path) -> None:
    dialog = root / "Session1" / "dialog"
    text(dialog / "EmoEvaluation" / "Ses01F_impro01.txt", EVALUATION)
    text(dialog / "transcriptions" / "Ses01F_impro01.txt", TRANSCRIPTION)
    wav = root / "Session1" / "sentences" / "wav" / "Ses01F_impro01"
    sounds(wav, [f"Ses01F_impro01_{turn}.wav" for turn in ("F000", "M000", "F001", "F002")])


def meld(root: Path) -> None:
    folders = {
        "train": "train_splits",
        "dev": "dev_splits_complete",
        "test": "output_repeated_splits_test",
    }
    for part, folder in folders.items():
        text(root / f"{part}_sent_emo.csv", MELD)
        sounds(root / folder, ["dia0_utt0.wav", "dia0_utt1.wav"])
