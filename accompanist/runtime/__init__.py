"""The only impure code of the daemon: clock, ports, inference, the loop around the engine."""
