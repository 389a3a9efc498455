"""Articles to sentences to a dataset."""
