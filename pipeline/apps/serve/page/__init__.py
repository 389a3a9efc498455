"""The page: an article pasted, its sentences marked."""
