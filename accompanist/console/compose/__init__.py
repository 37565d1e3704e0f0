"""Composing in the browser: a melody in, from a file, the house's own tunes or the keys; the same with a band out.

sources.py   melodies that were brought, in memory, bounded
worker.py    a process of its own that reads files and asks the model: what it does holds up no page, and no music
arranger.py  the console's side of it
"""
