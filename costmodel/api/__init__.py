"""The product without the terminal: what `import costmodel as cm` gives, and the errors that users meet.

Functions take names of shipped files, paths, the content of a file as a dict, or what was loaded before, and the
options of the command of their name; they return values and write nothing that they are not asked to. SpecError says
all that is wrong with an input, InfeasibleError that nothing fits.
"""

from costmodel.api.ask import evaluate, explain, map, report, sweep
from costmodel.api.curves import CurveResult, curve
from costmodel.api.inputs import Loaded, load_arch, load_mapping, load_workload
from costmodel.api.peers import import_from
from costmodel.api.results import CostResult, MapResult, SpaceResult
from costmodel.api.steps import TraceResult, trace
from costmodel.api.text import Text
from costmodel.api.transforming import TransformResult, transform
from costmodel.api.values import ValuesResult, run
from costmodel.importing.peers.imported import Imported
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.problems import SpecError

__all__ = [
    "CostResult",
    "CurveResult",
    "Imported",
    "InfeasibleError",
    "Loaded",
    "MapResult",
    "SpaceResult",
    "SpecError",
    "Text",
    "TraceResult",
    "TransformResult",
    "ValuesResult",
    "curve",
    "evaluate",
    "explain",
    "import_from",
    "load_arch",
    "load_mapping",
    "load_workload",
    "map",
    "report",
    "run",
    "sweep",
    "trace",
    "transform",
]
