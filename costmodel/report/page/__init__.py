"""Runs → self-contained HTML pages: templates filled with figures, tables and nests."""
