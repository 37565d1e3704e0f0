"""How long it takes to read POP909 into an empty cache, and from a full one.

python benchmarks/read_pop909.py [--json]        needs pop909.zip where `accompanist data list` finds it
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from accompanist.config import load_config
from training import cache
from training.sources.pop909 import Pop909


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    source = Pop909(load_config(None).data)
    with tempfile.TemporaryDirectory() as folder:
        wall_s, cpu_s = [time.perf_counter()], [time.process_time()]
        for _ in ("from the archive", "from the cache"):
            reading = cache.read(source, Path(folder))
            wall_s.append(time.perf_counter())
            cpu_s.append(time.process_time())
    found = {
        "songs": len(reading.songs),
        "notes": sum(len(song.notes) for song in reading.songs),
        "archive_wall_s": round(wall_s[1] - wall_s[0], 2),
        "archive_cpu_s": round(cpu_s[1] - cpu_s[0], 2),
        "cache_wall_s": round(wall_s[2] - wall_s[1], 2),
    }
    print(json.dumps(found) if as_json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
