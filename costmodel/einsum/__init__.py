"""The algebra: Einsum notation, its resolved form, and the operational definition."""
