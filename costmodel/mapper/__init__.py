"""The search for the best mappings."""
