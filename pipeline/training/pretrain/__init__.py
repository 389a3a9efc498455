"""Plain text to a compact encoder."""
