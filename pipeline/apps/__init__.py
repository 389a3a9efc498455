"""What users run on an exported checkpoint."""
