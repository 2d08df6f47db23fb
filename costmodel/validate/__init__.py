"""How far the model is from silicon and from published simulators: `costmodel validate`.

A **case** (``records.Case``) is one published number: its name and quantity, the value with unit and source, a function
that makes ours by the ordinary API (a machine, a workload, a mapping), how far ours may be off, and what was assumed.
Where a fixed cost or factor is wanted that no specification states, ``calibrated`` gives ours with it and
``calibration`` names it, with its source: the tolerance then holds for that, and what the model says without it is
shown beside it. ``roofs`` say what the published measurement must not beat; one that does is refused, with the
arithmetic, and nothing is compared. A ``CaseSummary`` is held to a limit over the rows of its group.

A **group** (``records.CaseGroup``) is a paper, a tool or a chip: its cases, built when they are asked for, what they
show in a paragraph, and its summaries. A module per group, that holds it as ``GROUP``; ``groups.NAMES`` lists them in
the order in which they are shown. Published data stand in ``data/`` in YAML, in an arrangement of our own, with their
source (``data_files.published``). Cases that take more than a second or two say ``slow=True``: `--fast` is without
them.

``judge.judged`` turns cases into rows (``records.Judged``); ``text``, ``markdown`` and ``page`` show them. A minimal
group::

    GROUP = CaseGroup(name="tool", title="Tool, run so", about="What it shows.", cases=lambda: [
        Case(name="mm64", quantity="cycles", published=123, ours=lambda: evaluate(...).latency_cycles,
             tolerance=EXACT, source="Tool 1.0, its log")])
"""
