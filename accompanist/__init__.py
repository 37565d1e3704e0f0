"""Accompanist plays the rest of the band to a melody, in time.

play:   MIDI in -> clock -> transport -> bar buffer -> roll encoding -> model -> decoding -> scheduler -> MIDI out
learn:  MIDI files -> notes -> windows -> generator / critic -> loop -> metrics -> checkpoint -> ONNX -> verified model
"""
