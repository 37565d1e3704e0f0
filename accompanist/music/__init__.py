"""The pure musical core: time, notes, rolls, model specs, playable decoding, theory and MIDI files."""
