"""The pages of results: what they say of what was measured, and of what was not."""

from __future__ import annotations

import dataclasses
import re

import pytest

from serotone.benchmark.pages.html import results_html
from serotone.benchmark.pages.markdown import measured_of, results_markdown
from serotone.benchmark.pages.readme import fill_figures
from serotone.benchmark.reference_systems import SystemConfig, load_systems
from serotone.benchmark.result_store import Result
from serotone.errors import ConfigError
from serotone.training.recipe import load_recipe
from tests.benchmark.made import made

SYSTEMS = [
    SystemConfig(id="X1", what="a net", claim=(0.98,), metric="accuracy", source="its page",
                 protocol="rows at random", claimed=("net-claimed",), honest=("net-honest",)),
    SystemConfig(id="X2", what="another", claim=(0.6, 0.75), metric="accuracy", source="its page",
                 protocol="unknown", claimed=("other-claimed",), honest=("other-honest",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [
        made("net-claimed", fold=None, split="random8020", protocol="claimed", skill=0.95),
        *(made("net-honest", fold=fold, skill=0.4) for fold in (1, 2, 3, 4, 5)),
        *(
            made("peer-honest", fold=fold, seed=seed, skill=0.7)
            for fold in (1, 2)
            for seed in (0, 1)
        ),
        made("net-honest+noise", skill=0.95),
        made("net-honest+blur", skill=0.0),
        made("guest", protocol="unverified", split="none", fold=None),
    ]


def section(page: str, title: str) -> str:
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def row(text: str, first: str) -> list[str]:
    (line,) = [
        line for line in text.splitlines() if re.match(rf"\| (⚠ )?{re.escape(first)} \|", line)
    ]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_claims_stand_beside_what_was_measured(results: list[Result]) -> None:
    page = results_markdown(measured_of(results), SYSTEMS)
    claims = section(page, "What was claimed, and what it is worth")
    cells = row(claims.partition("### How")[0], "X1")
    assert cells[2] == "98 %"
    accuracy = 100 * results[0].accuracy
    assert cells[3] == f"⚠ {accuracy:.1f} % ({accuracy - 98:+.1f})".replace("(-", "(−")
    honest = float(cells[4].removesuffix(" %"))
    assert float(cells[5].replace("−", "-")) == pytest.approx(honest - accuracy, abs=0.11)
    assert re.fullmatch(r"\d+\.\d % \[\d+\.\d, \d+\.\d\]", cells[6])
    assert cells[7] == "33.3 %"
    missing = row(claims.partition("### How")[0], "X2")
    assert missing[2:6] == ["60–75 %", "not run yet", "not run yet", "–"]
    how = row(claims.partition("### How")[2], "X1")
    assert how[3] == "net-claimed, ravdess, random8020, 90 clips, 3 emotions"
    assert how[4] == "net-honest, ravdess, luna5 all 5, 450 clips, 3 emotions"


def test_claimed_figures_are_marked_wherever_they_stand(results: list[Result]) -> None:
    page = results_markdown(measured_of(results), SYSTEMS)
    assert not [line for line in page.splitlines() if "net-claimed" in line and "⚠" not in line
                and not line.startswith("| X1")]  # fmt: skip
    assert "> ⚠ **These figures leak." in section(page, "Under the claimed protocols")
    assert "net-claimed" not in section(page, "Voices never heard before")


def test_honest_figures_say_what_they_are_of(results: list[Result]) -> None:
    voices = section(results_markdown(measured_of(results), SYSTEMS), "Voices never heard before")
    assert "### ravdess, luna5, 3 emotions" in voices
    cells = row(voices, "peer-honest")
    assert cells[6] == "no. 1, 2 of 5"
    assert re.fullmatch(r"2 \(±\d+\.\d\)", cells[7])
    assert cells[8:14] == ["10", "180", "636,681", "2.5 MB", "12.5", "5 min"]
    assert row(voices, "one answer for all (chance)")[2:4] == ["33.3 %", "33.3 %"]
    assert "other people" in voices and "a processor" in voices


def test_options_are_said_to_help_or_hurt(results: list[Result]) -> None:
    options = section(results_markdown(measured_of(results), SYSTEMS), "What an option helps")
    assert row(options, "noise")[-1] == "may help"
    assert row(options, "blur")[-1] == "may hurt"
    assert "May help: noise. May hurt: blur." in options  # five speakers cannot do more


def test_options_are_sure_with_people_enough() -> None:
    runs = [made(name, fold=f, skill=s) for name, s in (("a", 0.4), ("a+x", 0.9), ("a+y", 0.1))
            for f in (1, 2)]  # fmt: skip
    options = section(results_markdown(measured_of(runs), SYSTEMS), "What an option helps")
    assert "Helps: x. Hurts: y." in options
    alone, of_two = row(options, "x")[2:4]
    assert float(of_two) == pytest.approx(2 * float(alone), abs=0.001)


def test_one_of_many_options_is_less_sure_than_one_alone() -> None:
    def verdict(n_others: int) -> str:
        skills = {"a": 0.4, "a+x": 0.75, **{f"a+o{i}": 0.4 for i in range(n_others)}}
        runs = [made(name, fold=f, skill=skill) for name, skill in skills.items() for f in (1, 2)]
        options = section(results_markdown(measured_of(runs), SYSTEMS), "What an option helps")
        return row(options, "x")[-1]

    assert (verdict(0), verdict(40)) == ("helps", "may help")


def test_a_transductive_option_says_so() -> None:
    runs = [made("a"), made("a+all-of-a-speaker", protocol="transductive", skill=0.9)]
    page = results_markdown(measured_of(runs), SYSTEMS)
    options = section(page, "What an option helps")
    assert row(options, "all-of-a-speaker (transductive)")
    assert "all recordings of each speaker at once" in options
    assert "all-of-a-speaker" not in section(page, "Voices never heard before")


def test_what_only_taught_does_not_part_recipes() -> None:
    wide = dataclasses.replace(made("wide"), trained_on="ravdess+tess", split_hash="other")
    page = results_markdown(measured_of([made("narrow"), wide]), SYSTEMS)
    voices = section(page, "Voices never heard before")
    assert voices.count("###") == 1
    assert row(voices, "wide")[1] == "ravdess+tess"
    assert re.search(r"\| (wide|narrow) \|", section(page, "Which recipe is better"))


def test_recipes_are_compared_on_the_same_clips(results: list[Result]) -> None:
    better = section(results_markdown(measured_of(results), SYSTEMS), "Which recipe is better")
    cells = row(better, "peer-honest")
    assert cells[1].startswith("+") and cells[4:7] == ["1, 2", "10", "180"]


def test_with_no_results_every_part_says_so() -> None:
    page = results_markdown(measured_of([]))
    assert "No results yet" in page
    assert page.count("not run yet") + page.count("Not run yet") >= 2 * len(load_systems())
    assert "Not run yet" in results_html(measured_of([]))


def test_runs_on_dev_are_no_results(results: list[Result]) -> None:
    page = results_markdown(measured_of([dataclasses.replace(results[0], part="dev")]), SYSTEMS)
    assert "No results yet" in page


def test_equal_results_make_equal_pages(results: list[Result]) -> None:
    assert results_markdown(measured_of(results)) == results_markdown(measured_of(list(results)))
    assert results_html(measured_of(results)) == results_html(measured_of(results))


def test_the_html_page_has_pictures_and_warns(results: list[Result]) -> None:
    page = results_html(measured_of(results), SYSTEMS)
    assert page.count("<svg") >= 5
    assert "<script" not in page and 'role="alert"' in page
    assert "These figures leak" in page and "The figures with this sign leak" in page
    for name in ("net-honest", "peer-honest", "net-claimed", "noise"):
        assert name in page


def test_the_readme_block_is_filled_and_the_rest_left(results: list[Result]) -> None:
    text = "# x\n<!-- figures: begin (filled) -->\nold\n<!-- figures: end -->\nrest\n"
    filled = fill_figures(text, measured_of(results), SYSTEMS)
    assert filled.startswith("# x\n<!-- figures: begin (filled) -->\n")
    assert filled.endswith("<!-- figures: end -->\nrest\n")
    assert "\nold\n" not in filled and "net-honest" in filled and "⚠" in filled
    assert fill_figures(filled, measured_of(results), SYSTEMS) == filled
    with pytest.raises(ConfigError, match="figures block"):
        fill_figures("# x\n", measured_of(results))


def test_the_readme_shows_the_shipped_model_and_the_best_of_each_split() -> None:
    own = dataclasses.replace(made("search", skill=0.95), split="search-speakers")
    runs = [made("weak", skill=0.3), made("strong", skill=0.9), made("default", skill=0.5), own]
    text = "<!-- figures: begin -->\n<!-- figures: end -->\n"
    filled = fill_figures(text, measured_of(runs), SYSTEMS)
    rows = [line.split(" | ")[1] for line in filled.splitlines() if line.startswith("| ravdess")]
    assert rows == ["default", "strong"]
    assert filled.index("The model in the package") < filled.index("The best that any recipe does")


def test_every_reference_system_has_its_claim() -> None:
    claims = {system.id: system.claim for system in load_systems()}
    assert claims["R1-A"] == (0.98,) and claims["R5"] == (0.6823,)
    assert {name.partition("-")[0] for name in claims} == {"R1", "R2", "R3", "R4", "R5"}


def test_the_recipes_of_the_reference_systems_exist() -> None:
    for system in load_systems():
        for name in (*system.claimed, *system.honest):
            recipe = load_recipe(name)
            leaks = recipe.data.split in ("claimed", "random8020")
            assert leaks == (name in system.claimed), name
