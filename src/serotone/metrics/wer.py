"""How far a transcript is from what was said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Fewest words to substitute, insert or delete to turn one text into the other.

    The word error rate of many texts is the sum of these over the sum of the references' lengths,
    and may exceed 1.

    Source:
        Levenshtein 1966, Binary codes capable of correcting deletions, insertions, and reversals.

    Example:
        >>> word_errors("kids are talking".split(), "the kids are walking".split())
        2
    """
    row = np.arange(len(hypothesis) + 1)
    for word in reference:
        kept_or_changed = row[:-1] + [word != other for other in hypothesis]
        best = np.concatenate([[row[0] + 1], np.minimum(kept_or_changed, row[1:] + 1)])
        # Insertions run along the row: each place may be reached from any before it.
        places = np.arange(len(best))
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])
