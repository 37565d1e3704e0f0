"""Sweeps: many trainings with settings that vary, to find those under which the model learns best; on Optuna.

    --vary, settings -> space -> trial (a run each) -> metric -> study (SQLite or Postgres) -> report

The study remembers every trial: a sweep that was ended, or killed, goes on where it was, in mid-training too.
"""
