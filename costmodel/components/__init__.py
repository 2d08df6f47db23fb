"""What components cost: energy per action, area, leakage and bandwidth, each number with its source.

A component is a small class: it names its parameters and turns their values into figures (``protocol``). The library
(``library``) holds those of the package, those of installed packages and those that a file defines. The published
numbers stand in ``data/``, in YAML, each table with its source; a data set is named, and never mixed silently.
"""
