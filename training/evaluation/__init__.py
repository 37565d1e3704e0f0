"""How whole performances are judged: figures of what sounded beside a melody, with intervals over songs."""
