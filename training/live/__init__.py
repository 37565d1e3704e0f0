"""The live model: it plans the beats to come from the melody so far, harmony first, then a figure for each track.

songs -> beats (chords, figures, loudness: small integers) -> network -> rollouts -> critics -> policy -> ONNX
"""
