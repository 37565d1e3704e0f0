"""The real-time engine, sans-IO: pure functions of their state, with time as an argument."""
