"""Shard in, shard out: the batch side of ``netral classify``."""
