"""The walk of a nest, step by step: what is touched, what each level holds, and what moves."""
