"""Workloads rewritten: the same values in other shapes.

A step (``sentences.py`` names them all) takes a draft and gives another one, with what became of the tensors that keep
their names, and the sentences that lead back.
"""
