"""Workers: they take jobs from the queue (`accompanist.jobs`) and do them, each step in a process of its own."""
