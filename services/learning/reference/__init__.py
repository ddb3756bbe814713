"""The transformer by its formulas, which everything else is tested against."""
