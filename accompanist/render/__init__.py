"""Notes made visible and audible: piano-roll pictures and sound files."""
