"""Rules: sentences that restrict the mapspace. What the hardware cannot do, or what a study forbids.

Each kind of sentence is a class (``base.py`` says what it has to offer): ``spatial.py``, ``tiles.py``, ``holding.py``,
``utilisation.py``, ``dataflow.py``, ``order.py``. What no sentence says is added: ``recurrence.py``, ``flow.py``.
A rank variable that an Einsum does not have is no error of a rule: one architecture serves many Einsums.
"""

from costmodel.spec.rules.base import Rule
from costmodel.spec.rules.rulebook import Rules, names_in, parse, read, sentence_problems, unsaid

__all__ = ["Rule", "Rules", "names_in", "parse", "read", "sentence_problems", "unsaid"]
