"""Programs that a nest becomes: the same loops in Python or C, to be read and to be run."""
