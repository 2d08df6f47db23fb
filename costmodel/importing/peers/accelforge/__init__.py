"""AccelForge: architectures, workloads with several Einsums, and mappings, fused ones too.

``formats.py`` is what its YAML may say, ``sets.py`` reads its sets of tensors; ``machine.py``, ``einsums.py`` and
``nest.py`` make ours of the three kinds of file, ``reader.py`` puts them together.
"""
