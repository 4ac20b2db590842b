"""Training: a recipe and a split in, a model folder out."""
