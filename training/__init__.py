"""Training: from MIDI files to a checkpoint.

learn:  MIDI files -> notes -> windows -> generator / critic -> loop -> metrics -> checkpoint -> ONNX -> verified model
"""
