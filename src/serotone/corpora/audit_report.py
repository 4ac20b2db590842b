"""What an audit of a split says: for a person and for a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from serotone.corpora.near_duplicates import Match
from serotone.types import Failure

COPIES_SHOWN = 10

Severity = Literal["leak", "note"]
Kind = Literal["speakers", "clips", "identical", "altered", "sentences", "unknown", "repeated"]


@dataclass(frozen=True, slots=True)
class Count:
    """How much stands on one side: rows, distinct places in files, known speakers."""

    rows: int
    clips: int
    speakers: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is on two sides, or that keeps the audit from knowing.

    Attributes:
        kind: what is shared: ``speakers``, ``clips`` (the same file, or a row made of it),
            ``identical`` (other files with equal samples), ``altered`` (copies found by ear),
            ``sentences``; or ``unknown`` speakers, or clips ``repeated`` within one side.
        severity: a ``leak`` makes figures too good; a ``note`` is to be known.
        sides: the sides concerned.
        n: how many speakers, clips, pairs or sentences.
        message: one sentence.
        examples: a few of them, by name.
    """

    kind: Kind
    severity: Severity
    sides: tuple[str, ...]
    n: int
    message: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Two rows on different sides that are one recording.

    Attributes:
        first, second: ids of the rows.
        sides: where each stands, as ``("train", "test")``.
        identical: whether their samples are equal.
        match: how the second lies on the first.
    """

    first: str
    second: str
    sides: tuple[str, str]
    identical: bool
    match: Match | None

    @property
    def change(self) -> str:
        """What was done to the second, as far as it can be told."""
        if self.identical or self.match is None:
            return "equal samples"
        return self.match.change

    def to_dict(self) -> dict[str, object]:
        measured = {} if self.match is None else {k: round(v, 4) for k, v in _plain(self.match)}
        return {
            "first": self.first,
            "second": self.second,
            "sides": list(self.sides),
            "identical": self.identical,
            "change": self.change,
            **measured,
        }


@dataclass(frozen=True, slots=True)
class Share:
    """``n_copied`` of ``n`` test rows have a copy in train."""

    n_copied: int
    n: int

    @property
    def value(self) -> float:
        return self.n_copied / self.n if self.n else 0.0

    def to_dict(self) -> dict[str, object]:
        return {"n_copied": self.n_copied, "n": self.n, "share": round(self.value, 6)}


@dataclass(frozen=True)
class AuditReport:
    """What stands on more than one side of a split.

    Attributes:
        name: of the split.
        protocol: as in ``Sides``.
        counts: per side.
        findings: leaks first.
        copies: pairs of rows across sides found by listening.
        by_file: test rows whose file is in train too, among all test rows.
        by_ear: test rows with a copy in train, among those listened to; None without listening.
        n_rows: all rows.
        n_heard: rows listened to.
        unreadable: rows that could not be.
    """

    name: str
    protocol: str
    counts: Mapping[str, Count]
    findings: tuple[Finding, ...]
    copies: tuple[Copy, ...]
    by_file: Share
    by_ear: Share | None
    n_rows: int
    n_heard: int
    unreadable: tuple[Failure, ...]

    @property
    def leaks(self) -> bool:
        return any(finding.severity == "leak" for finding in self.findings)

    @property
    def verdict(self) -> str:
        """One sentence."""
        n_leaks = sum(finding.severity == "leak" for finding in self.findings)
        if n_leaks:
            kinds = ", ".join(dict.fromkeys(f.kind for f in self.findings if f.severity == "leak"))
            return f"{self.name} leaks: {kinds}. Figures measured on it are too good."
        if self.unreadable:
            n = len(self.unreadable)
            return f"{self.name}: no leak found, but {n} row(s) could not be read. Mend them first."
        if self.n_heard < self.n_rows:
            heard = f"{self.n_heard:,} of {self.n_rows:,} rows listened to"
            return f"{self.name}: no leak found ({heard})."
        return f"{self.name}: no leak found."

    def to_dict(self) -> dict[str, object]:
        """For machines; every copy is listed."""
        return {
            "split": self.name,
            "protocol": self.protocol,
            "leaks": self.leaks,
            "verdict": self.verdict,
            "counts": {side: asdict(count) for side, count in self.counts.items()},
            "n_rows": self.n_rows,
            "n_heard": self.n_heard,
            "test_rows_with_a_copy_in_train": {
                "by_file": self.by_file.to_dict(),
                "by_ear": None if self.by_ear is None else self.by_ear.to_dict(),
            },
            "findings": [asdict(finding) for finding in self.findings],
            "copies": [copy.to_dict() for copy in self.copies],
            "unreadable": [{"path": f.source, "error": f.error} for f in self.unreadable],
        }

    def to_markdown(self) -> str:
        """For a person, as a page; only the first copies are shown."""
        lines = [f"# Audit of {self.name}", "", f"**{self.verdict}**", ""]
        lines += ["| side | rows | clips | speakers |", "|---|---|---|---|"]
        lines += [
            f"| {side} | {c.rows:,} | {c.clips:,} | {c.speakers:,} |"
            for side, c in self.counts.items()
        ]
        lines += ["", *(f"- {line}" for line in self.share_lines())]
        if self.findings:
            lines += ["", "| | what | sides | |", "|---|---|---|---|"]
            lines += [
                f"| {f.severity} | {f.kind} | {', '.join(f.sides)} | {f.message} |"
                for f in self.findings
            ]
        if self.copies:
            lines += ["", "| on one side | on the other | what changed |", "|---|---|---|"]
            lines += [
                f"| {c.sides[0]}: `{c.first}` | {c.sides[1]}: `{c.second}` | {c.change} |"
                for c in self.copies[:COPIES_SHOWN]
            ]
        if len(self.copies) > COPIES_SHOWN:
            lines += ["", f"{len(self.copies) - COPIES_SHOWN:,} more pairs."]
        if self.unreadable:
            lines += ["", "Could not be read:", "", *(f"- {f.error}" for f in self.unreadable)]
        return "\n".join(lines) + "\n"

    def share_lines(self) -> list[str]:
        """The share of test rows with a copy in train, as counted and as heard."""
        lines = [f"Test rows whose file is in train too: {_percent(self.by_file)}"]
        if self.by_ear is not None:
            lines.append(
                f"Test rows with a copy in train, found by listening to {self.n_heard:,} of "
                f"{self.n_rows:,} rows: {_percent(self.by_ear)}"
            )
        return lines


def _percent(share: Share) -> str:
    return f"{share.n_copied:,} of {share.n:,} ({share.value:.1%})"


def _plain(match: Match) -> list[tuple[str, float]]:
    return list(asdict(match).items())
