"""What would change a result, as tables and text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.advice.advice import Advised
from costmodel.api.text import Text
from costmodel.report.text.advice import MEASURES, advice_text

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.advice.advice import Advice


@dataclass(frozen=True, repr=False)
class AdviceResult:
    """Changes that were tried, each by a search of its own, with what they gain."""

    found: Advised
    """All of it, as a run folder keeps it."""

    @property
    def gains(self) -> pd.DataFrame:
        """What gains something, best first.

        Columns: change, objective, energy, latency, edp, area (the share by which each falls; negative where it grows,
        null where it is not modelled), proven, why, set (as ``set=`` takes it), options (as keywords), command.
        """
        return self._table(self.found.gains)

    @property
    def nothing(self) -> pd.DataFrame:
        """What gains nothing, the most tempting first, with the same columns; null where a bound says so."""
        return self._table(self.found.nothing)

    def _table(self, advices: tuple[Advice, ...]) -> pd.DataFrame:
        import pandas as pd

        rows = [
            (
                one.change,
                self.found.gain(one),
                *(self.found.gain(one, name) for name in MEASURES),
                one.proven,
                one.why,
                list(one.settings),
                one.options,
                one.command,
            )
            for one in advices
        ]
        columns = ["change", "objective", *MEASURES, "proven", "why", "set", "options", "command"]
        return pd.DataFrame.from_records(rows, columns=columns)

    def __str__(self) -> str:
        return advice_text(self.found, whole=True)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return Text(self)._repr_html_()
