"""Timeloop and its front end: architectures of versions 0.1 to 0.4, problems, mappings and energy tables (ERT).

``formats.py`` is what their YAML may say, ``hierarchy.py`` makes one list of levels of every kind of tree,
``levels.py`` makes ours of them; ``problem.py``, ``nest.py``, ``windows.py`` and ``energies.py`` are the other files,
``reader.py`` puts them together.
"""
