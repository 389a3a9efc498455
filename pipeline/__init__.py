"""netral: labels the sentences of Indonesian election news by what they ask of the civil service."""
