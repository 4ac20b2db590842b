"""Bytes, files and microphones to ``Audio``: reading, preparing, cutting, finding speech."""
