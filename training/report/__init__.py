"""What a run has to tell, as one page that opens offline: see `training.report.page`."""
