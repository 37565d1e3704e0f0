"""Training jobs, seen from outside: submit them, look at them, cancel them. Nothing here needs torch.

from accompanist.jobs.client import Jobs
from accompanist.jobs.database import Database
from accompanist.jobs.job import Job

with Jobs(Database.at("", Path("runs"))) as jobs:      a file in the runs' folder, or a Postgres URL
    known = jobs.submit(Job(train=TrainConfig()))       queued, until a worker takes it
    jobs.all(), jobs.status(known)                      how they stand at this moment
    jobs.cancel(known), jobs.resume(known)              ended with a checkpoint; gone on with from there

Workers, which do the work, are `training.jobs`.
"""
