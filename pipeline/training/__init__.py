"""A dataset to a model and its measure."""
