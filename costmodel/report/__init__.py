"""A run folder, the tidy tables in it, the figures drawn from them, and one self-contained HTML page."""
