"""The search that samples with Optuna."""
