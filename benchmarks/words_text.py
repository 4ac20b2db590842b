"""Emotion in text: the model that ships on the test parts of GoEmotions and MELD, and a baseline.

    python benchmarks/words_text.py ../shared/text

GoEmotions is scored as its authors do: a sentence may carry several of seven labels, macro-F1 over
them; thresholds are those that the file carries, from dev. The baseline is logistic regression on
TF-IDF of words and of pieces of words, with thresholds from dev too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from words_scores import best_thresholds, f1_of_sets

from serotone.metrics.calibration import ece
from serotone.metrics.classes import accuracy, f1_per_class, macro_f1, uar
from serotone.training.text_data import LABELS, Sentences, join, read_goemotions, read_meld
from serotone.words.embedded import SHIPPED_FILE, Embedded
from serotone.words.ngrams import tokens

ROOT = Path(__file__).resolve().parents[1]
TAUS = np.linspace(0, 1.5, 16)


def shares_of(model: Embedded, texts: tuple[str, ...]) -> np.ndarray:
    return np.concatenate(
        [model.probabilities(texts[i : i + 64]) for i in range(0, len(texts), 64)]
    )


def as_spoken(sentences: Sentences) -> Sentences:
    """Without signs and capitals, as a transcript."""
    texts = (
        " ".join(token.text for token in tokens(text) if token.text[0].isalnum())
        for text in sentences.texts
    )
    return Sentences(tuple(texts), sentences.targets)


def several_labels(truth: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    f1 = f1_of_sets(truth, chosen)
    return {
        "n": len(truth),
        "macro_f1": round(float(f1.mean()), 4),
        "f1": dict(zip(LABELS, f1.round(4).tolist(), strict=True)),
    }


def one_label(truth: np.ndarray, shares: np.ndarray) -> dict[str, Any]:
    chosen = shares.argmax(axis=1)
    f1 = f1_per_class(truth, chosen, len(LABELS))
    support = np.bincount(truth, minlength=len(LABELS))
    return {
        "n": len(truth),
        "macro_f1": round(macro_f1(truth, chosen), 4),
        "weighted_f1": round(float((np.nan_to_num(f1) * support).sum() / support.sum()), 4),
        "uar": round(uar(truth, chosen), 4),
        "accuracy": round(accuracy(truth, chosen), 4),
        "ece": round(ece(shares, truth), 4),
        "f1": dict(zip(LABELS, f1.round(4).tolist(), strict=True)),
    }


def adjusted(truth: np.ndarray, shares: np.ndarray, dev: tuple[np.ndarray, np.ndarray]) -> float:
    """Macro-F1 with rarer labels favoured as much as is best on dev (Menon et al. 2021)."""
    dev_truth, dev_shares = dev
    prior = np.bincount(dev_truth, minlength=len(LABELS)) / len(dev_truth)
    tau = max(TAUS, key=lambda t: macro_f1(dev_truth, (dev_shares / prior**t).argmax(axis=1)))
    return round(macro_f1(truth, (shares / prior**tau).argmax(axis=1)), 4)


def times(model: Embedded, texts: tuple[str, ...]) -> dict[str, float]:
    """Milliseconds for a sentence by itself, on one thread."""
    model.probabilities(texts[:1])
    spent, cpu = [], time.process_time()
    for text in texts:
        began = time.perf_counter()
        model.probabilities([text])
        spent.append((time.perf_counter() - began) * 1000)
    cpu_ms = (time.process_time() - cpu) * 1000 / len(texts)
    return {
        "median_ms": round(statistics.median(spent), 3),
        "p95_ms": round(statistics.quantiles(spent, n=20)[18], 3),
        "cpu_mean_ms": round(cpu_ms, 3),
    }


def baseline(train: Sentences, dev: Sentences, test: Sentences, meld: Sentences) -> dict[str, Any]:
    """Logistic regression on TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_union

    pattern = r"\w+(?:'\w+)?|[^\w\s]"
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=pattern),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=4, sublinear_tf=True),
    )
    learned = features.fit_transform(train.texts)
    rows = [features.transform(part.texts) for part in (dev, test, meld)]
    scores = [np.zeros((row.shape[0], len(LABELS))) for row in rows]
    for label in range(len(LABELS)):
        model = LogisticRegression(C=3, solver="liblinear", dual=True, tol=1e-2)
        model.fit(learned, train.targets[:, label])
        for score, row in zip(scores, rows, strict=True):
            score[:, label] = model.predict_proba(row)[:, 1]
    on_dev, on_test, on_meld = scores
    thresholds = best_thresholds(dev.targets, on_dev)
    shares = on_meld / on_meld.sum(axis=1, keepdims=True)
    return {
        "goemotions_dev": several_labels(dev.targets, on_dev > thresholds),
        "goemotions_test": several_labels(test.targets, on_test > thresholds),
        "meld_test": one_label(meld.truth, shares),
        "n_weights": int(learned.shape[1]) * len(LABELS),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="holds goemotions-ekman and meld")
    parser.add_argument("--without-baseline", action="store_true", help="keep the one on file")
    parser.add_argument("--out", type=Path, default=ROOT / "results/words-text.json")
    options = parser.parse_args()
    go, friends = options.text / "goemotions-ekman", options.text / "meld"
    dev, test = read_goemotions(go, "dev"), read_goemotions(go, "test")
    meld_dev, meld_test = read_meld(friends, "dev"), read_meld(friends, "test")

    model = Embedded()
    thresholds = np.array(model.description["thresholds"])
    on_meld = shares_of(model, meld_test.texts)
    spoken, meld_spoken = as_spoken(test), as_spoken(meld_test)
    result: dict[str, Any] = {
        "shipped": {
            "goemotions_dev": several_labels(dev.targets, shares_of(model, dev.texts) > thresholds),
            "goemotions_test": several_labels(
                test.targets, shares_of(model, test.texts) > thresholds
            ),
            "goemotions_test_without_signs": several_labels(
                spoken.targets, shares_of(model, spoken.texts) > thresholds
            ),
            "goemotions_test_one_label": one_label(
                test.single.truth, shares_of(model, test.single.texts)
            ),
            "meld_test": one_label(meld_test.truth, on_meld),
            "meld_test_without_signs": one_label(
                meld_test.truth, shares_of(model, meld_spoken.texts)
            ),
            "meld_test_macro_f1_adjusted": adjusted(
                meld_test.truth, on_meld, (meld_dev.truth, shares_of(model, meld_dev.texts))
            ),
            "bytes": SHIPPED_FILE.stat().st_size,
            "time_per_sentence": times(model, test.texts[:2000]),
        }
    }
    if options.without_baseline:
        result["baseline"] = json.loads(options.out.read_text(encoding="utf-8"))["baseline"]
    else:
        train = join(read_goemotions(go, "train"), read_meld(friends, "train"))
        result["baseline"] = baseline(train, dev, test, meld_test)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
