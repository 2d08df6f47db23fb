"""Published numbers against the model, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.validate.groups import asked
from costmodel.validate.judge import judged
from costmodel.validate.text import FIELDS, row_object

if TYPE_CHECKING:
    import pandas as pd


def validate(*only: str, fast: bool = False) -> pd.DataFrame:
    """Hold published numbers of silicon and of simulators against the model, as `costmodel validate` does.

    ``only``: groups of rows, or ``GROUP/ROW`` with the name of a row, or how it begins; all where there are none, which
    takes minutes. ``fast`` leaves out what takes more than a second or two a row. A row for each published number: what
    is published and ours, in ``unit``, the relative ``error`` and its ``tolerance``, ``status`` (``within``,
    ``outside``, ``refused``), ``source`` and what was ``assumed``. Raises SpecError for rows that there
    are none of.
    """
    import pandas as pd

    rows = [row_object(row) for group, cases in asked(only, fast=fast) for row in judged(group, cases)]
    return pd.DataFrame(rows, columns=list(FIELDS))
