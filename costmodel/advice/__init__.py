"""Advice: changes of the hardware or of the question, each tried by a search of its own, with what it gains."""
