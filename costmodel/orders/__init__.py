"""Every order of the loops of a nest, with the storage where it is, and what each costs."""
