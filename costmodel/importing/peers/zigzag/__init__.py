"""ZigZag: accelerators, workloads as YAML, and mappings with spatial unrolling and, where given, an order of loops.

``formats.py`` is what its YAML may say; ``machine.py``, ``layers.py`` and ``nest.py`` make ours of the three kinds of
file, ``reader.py`` puts them together. A workload that is an ONNX model is imported as such.
"""
