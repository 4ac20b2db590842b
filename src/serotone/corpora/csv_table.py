"""Tables of annotation: rows of a CSV or TSV file as text by column."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from serotone.errors import CorpusError, did_you_mean


def read_sheet(
    path: Path, columns: Iterable[str], *, delimiter: str = ",", quoted: bool = True
) -> list[dict[str, str]]:
    """Every row, with outer blanks removed; all columns of the file, the named ones for certain.

    Args:
        path: of the file, UTF-8 with or without a byte order mark.
        columns: that must be there.
        delimiter: between values. Instead of a comma it may be a semicolon, which spreadsheets
            write where the comma is the decimal sign.
        quoted: whether values may stand in double quotes.

    Raises:
        CorpusError: when the file or a column is missing, or the file is no such table.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            if delimiter == "," and "," not in header and ";" in header:
                delimiter = ";"
            reader = csv.DictReader(file, delimiter=delimiter, quoting=quoting, restval="")
            names = list(reader.fieldnames or ())
            for column in columns:
                if column not in names:
                    raise CorpusError(
                        f"{path}: no column '{column}'. {did_you_mean(column, names)}"
                    )
            return [{name: (row[name] or "").strip() for name in names} for row in reader]
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}. Give the path of a table.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: not a table in UTF-8 ({error}). Mend or convert it.") from None
