"""Workloads rewritten and proven equal: the values of tensors follow the steps, and come back."""
