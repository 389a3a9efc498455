"""Sentences to labels, on an exported checkpoint."""
