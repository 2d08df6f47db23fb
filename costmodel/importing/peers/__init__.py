"""Architectures, workloads and mappings of other tools as ours: Timeloop, AccelForge, ZigZag, SCALE-Sim.

``documents.py`` reads their files, ``models.py`` is what their formats have in common, ``findings.py`` keeps what has
no counterpart here, and ``imported.py`` is what comes of it. Each tool has a package or a module of its own;
``reading.py`` is their door.
"""
