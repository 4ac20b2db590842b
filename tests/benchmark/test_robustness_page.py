"""The page of robustness is made from measurements, between its marks."""

from __future__ import annotations

from serotone.benchmark.pages.robustness import BEGIN, END, fill_robustness, picture

VALUES = {
    "model": "m", "corpus": "ravdess", "split": "luna5:1", "protocol": "honest", "date": "",
    "n_speakers": 5, "noise_kinds": ["helicopter"],
    "conditions": {
        "clean": {"title": "clean", "n": 300, "uar": 0.7, "uar_ci": [0.6, 0.8], "ece": 0.05},
        "mp3": {
            "title": "MP3", "n": 300, "uar": 0.6, "uar_ci": [0.5, 0.7], "ece": 0.1,
            "difference": -0.1, "difference_ci": [-0.15, -0.02], "p_value": 0.1,
        },
    },
}  # fmt: skip


def test_what_stands_between_the_marks_is_made_and_the_rest_stays() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    text = fill_robustness(page, [VALUES])
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| MP3 | 60.0 % | [50.0, 70.0] | 10.0 | [2.0, 15.0] | 0.100 |" in text
    assert "300 clips of 5 speakers" in text and "helicopter" in text
    assert fill_robustness(text, [VALUES]) == text
    assert fill_robustness("no marks", [VALUES]) == "no marks"
    assert "Not measured yet" in fill_robustness(page, [])


def test_the_picture_names_every_condition() -> None:
    drawn = picture([VALUES])
    assert drawn is not None and b"MP3" in drawn and b"clean" in drawn
    assert picture([]) is None


def test_the_shipped_model_comes_first_and_is_the_one_in_the_picture() -> None:
    other = VALUES | {"model": "another"}
    clean = {"title": "clean", "n": 300, "uar": 0.8, "uar_ci": [0.7, 0.9], "ece": 0.05}
    shipped = VALUES | {"model": "default", "conditions": {"clean": clean}}
    text = fill_robustness(f"{BEGIN}{END}", [other, shipped])
    assert text.index("### default") < text.index("### another")
    drawn = picture([other, shipped])
    assert drawn is not None and b"clean" in drawn and b"MP3" not in drawn
