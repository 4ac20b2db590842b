"""A model against utterances it has not learned from: figures, intervals, reports."""
