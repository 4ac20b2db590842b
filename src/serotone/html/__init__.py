"""One page shell, its figures and its palette, for every report."""
