"""The work of ``jobs`` on many machines, with Ray."""
