"""`accompanist train` for `torchrun`, which starts modules: `torchrun --nproc-per-node=4 -m training --model live`."""

from __future__ import annotations

import sys

from accompanist.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
