"""Training runs, read without torch: what they were set to, how they stand, what they recorded.

run = RunFolder.find("3", Path("runs"))     by folder, name or number
run.status()                                queued, running, stopped, finished or failed, and why
run.config(), run.spec(), run.facts()       settings, the model to be, the music
run.kept(), run.sampled()                   checkpoints and sampled epochs

history = History(run.record)               what was recorded; history.update() reads only what is new
history.loss("critic", most=1000)           a curve of at most so many points, its spikes kept
history.metric("coupling"), history.data    by sampled epoch, beside the music's own value

RunIndex(Path("runs")).rows()               all runs in a line each, from runs.db
"""

from accompanist.runs.checkpoints import Checkpoint, State
from accompanist.runs.folder import Origin, RunFolder, SampledEpoch
from accompanist.runs.history import History, Series
from accompanist.runs.index import RunIndex, RunRow
from accompanist.runs.status import Outcome, Status

__all__ = [
    "Checkpoint",
    "History",
    "Origin",
    "Outcome",
    "RunFolder",
    "RunIndex",
    "RunRow",
    "SampledEpoch",
    "Series",
    "State",
    "Status",
]
