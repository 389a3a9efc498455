"""The DVC stages, one thin module each."""
