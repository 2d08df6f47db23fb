"""Design spaces: many architectures, each at its best."""
