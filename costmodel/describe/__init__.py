"""What a workload is, before any hardware: iteration spaces, sizes, reuse, who needs what, growth, non-zeros."""
