"""The search over tiles that need not divide."""
