"""`python -m accompanist`."""

from accompanist.cli import main

main()
