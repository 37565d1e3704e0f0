"""The stage: what a running `serve` does, followed by its performance log and its control socket.

    log file -> follow.LogTail -> picture.StagePicture -> items for every page that looks on
    control socket -> standing.Standing -> status
    band.Band: a `serve` started from the page, which outlives a console that dies

Nothing here is needed by the music: the daemon writes its log and answers its socket whether anybody looks or not.
"""
