"""Workloads made of the files of other programs: ONNX models.

``graph.py`` reads a model (the only module that loads ``onnx``), ``views.py`` says how a value of the model is read
from a tensor of the workload, ``writing.py`` writes Einsums; ``moving``, ``pointwise``, ``products``, ``windows`` and
``norms`` say what each operator is;
``importer.py`` goes over the graph, and ``reading.py`` holds what is known by then.
"""
