"""Truth and predictions to numbers: pure functions on numpy arrays.

Letters: M utterances, C classes, S speakers, R resamples.
"""
