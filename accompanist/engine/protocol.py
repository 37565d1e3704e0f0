"""What goes into the engine and what comes out: plain values, with time in every one of them.

Seconds are those of the one clock the owner injects; ticks are positions in the song (480 to a quarter note).
"""

from __future__ import annotations

from typing import NamedTuple

from accompanist.music.note import Note
from accompanist.music.question import Codes, Moment
from accompanist.music.roll import BoolRoll


class Received(NamedTuple):
    """A MIDI message that came in, stamped in the port's callback.

    Args:
        at_s: When it arrived.
        data: The raw bytes.
        from_clock: It came from a port that only carries the clock: its notes are not the player's.
        from_control: It came from a port of controls: what is mapped is a command, and nothing is music.
    """

    at_s: float
    data: bytes
    from_clock: bool = False
    from_control: bool = False


class TempoChange(NamedTuple):
    """A new tempo for the internal clock, from a tick on.

    Args:
        at_s: When it was asked for.
        us_per_beat: Microseconds per beat.
        tick: Where it begins to hold; the present position where None.
    """

    at_s: float
    us_per_beat: int
    tick: int | None = None


class Planned(NamedTuple):
    """A note of a plan.

    Args:
        track: Index into the model's tracks.
        note: Ticks of the song; within the plan.
        sounds_on: The plan opens with the note sounding and does not say that it is struck there: a note of that pitch
            that sounds already goes on.
    """

    track: int
    note: Note
    sounds_on: bool = False


class Answer(NamedTuple):
    """The model's answer to a job.

    Args:
        at_s: When it was there.
        job: The job it answers.
        notes: The plan, as `accompanist.engine.decode.decoded` makes it: ordered by start, track and pitch.
        inference_s: How long the model took, decoding included.
        codes: (plan_beats, codes), by which the model names the plan; None for a model without.
    """

    at_s: float
    job: Job
    notes: tuple[Planned, ...]
    inference_s: float
    codes: Codes | None = None


class Failure(NamedTuple):
    """The model failed on a job: counted, logged once, and the music goes on.

    Args:
        at_s: When it failed.
        job: The job that failed.
        reason: One line.
    """

    at_s: float
    job: Job
    reason: str


class PortChange(NamedTuple):
    """A port went away or is back; the performance goes on.

    Args:
        at_s: When it was noticed.
        role: What it is for: "in" (the player's), "clock", "control", "out" or a track's name.
        name: Its full name.
        there: It is back.
        why: Why it cannot be used though it is there, or what else is to say; else empty.
        ahead_s: How long before they are due the ports want the band's messages by now; 0: as before.
        tracks: What leaves by it: indices of tracks, or a number below 0 for the player's melody, clicks or the clock.
    """

    at_s: float
    role: str
    name: str
    there: bool
    why: str = ""
    ahead_s: float = 0.0
    tracks: tuple[int, ...] = ()


class Stop(NamedTuple):
    """The performance ends: everything that sounds is ended at once.

    Args:
        at_s: When.
    """

    at_s: float


class Command(NamedTuple):
    """The player takes charge, by a mapped MIDI control, the control socket or the command line.

    Args:
        at_s: When.
        name: A switch ("mute", "solo", "hold", "listen"), an amount ("density", "temperature", "style", "bpm") or a
            trigger ("fill", "panic", "tap", "start", "stop", "continue").
        value: Of a switch 1 or 0, of an amount the amount; None turns a switch the other way, and is all a trigger
            needs. A style is its place in the model's list, from 0.
        track: Which of the model's tracks a mute or a solo means; -1 otherwise.
    """

    at_s: float
    name: str
    value: float | None = None
    track: int = -1


class LinkState(NamedTuple):
    """Where an Ableton Link session is.

    Args:
        at_s: When that was asked for.
        beat: On the session's timeline then; below 0 before the bar it begins with.
        bpm: Its tempo.
        playing: Whether it was started.
    """

    at_s: float
    beat: float
    bpm: float
    playing: bool


Input = Received | TempoChange | Answer | Failure | Stop | Command | PortChange | LinkState


class Job(NamedTuple):
    """A question to the model.

    Args:
        number: Counts up from 0 within a performance; also seeds the noise.
        melody: (2 planes, melody_steps, 128) booleans: the last `context_steps` before `plan_tick`, what is not yet
            heard left silent (a note that is still held is taken to go on); then what the model may see ahead, silent.
        plan_tick: Where the answer begins to play.
        deadline_s: When its first beat is committed, as the owner's clock tells it (`Engine`'s look-ahead taken off);
            what arrives later is used from the next free beat on.
        heard_tick: End of what the player had played when it was asked; at most `plan_tick`.
        temperature: Scales the noise the model is given: 0 always the same answer, 1 as it was trained.
        style: Place in the model's list of styles, from 0; means nothing to a model without any.
        codes: What was settled for the beats before, and what is given for those to come; None for a model without.
        moment: Where the plan stands; None for a model without codes.
    """

    number: int
    melody: BoolRoll
    plan_tick: int
    deadline_s: float
    heard_tick: int = 0
    temperature: float = 1.0
    style: int = 0
    codes: Codes | None = None
    moment: Moment | None = None


class Message(NamedTuple):
    """One MIDI message to send.

    Args:
        due_s: When it should leave.
        track: Index into the model's tracks; -1 is the player's own melody (thru).
        data: The raw bytes.
        tick: Its place in the song.
    """

    due_s: float
    track: int
    data: bytes
    tick: int


class Event(NamedTuple):
    """Something to tell the performance log or the status line.

    Args:
        at_s: When it happened.
        name: What, in snake_case: "start", "stop", "locked", "late_answer", ...
        detail: A short text or a number as text.
    """

    at_s: float
    name: str
    detail: str = ""


class PlanReport(NamedTuple):
    """What became of an answer.

    Args:
        at_s: When it was there.
        job: The question.
        outcome: "answer", "late_answer" or "dropped_answer".
        inference_s: How long the model took.
        notes: Notes of each track that it brings.
        from_tick: First tick it speaks for; 0 where it was dropped.
    """

    at_s: float
    job: Job
    outcome: str
    inference_s: float
    notes: tuple[int, ...]
    from_tick: int = 0


class AheadReport(NamedTuple):
    """What is about to sound, as the controls and the player's left hand stand.

    Args:
        at_s: When that was so.
        from_tick: First tick of the beats that are not settled; what was said of them before is void.
        notes: Track, pitch that leaves the port, first tick and end of each; what sounds by `from_tick` begins there.
        silent: Tracks that do not sound: muted, not among those soloed, or all where the band rests. Their notes are
            told all the same.
    """

    at_s: float
    from_tick: int
    notes: tuple[tuple[int, int, int, int], ...]
    silent: tuple[int, ...] = ()


class BeatReport(NamedTuple):
    """What was settled for a beat.

    Args:
        at_s: When.
        tick: Its first tick.
        beats: So many beats from there on; above 1 only after a stall.
        source: Where it comes from: "plan", "rest", "hold" or "silence".
        heard_tick: End of the melody that its plan heard; None for silence.
        notes: Notes that begin in it.
        isr: In-time share before it; None where none was due.
        deadline_misses: Answers after their deadline before it.
    """

    at_s: float
    tick: int
    beats: int
    source: str
    heard_tick: int | None
    notes: int
    isr: float | None
    deadline_misses: int


class HeardReport(NamedTuple):
    """The player began or ended a note.

    Args:
        at_s: When it arrived.
        tick: Where the song was.
        data: The message.
    """

    at_s: float
    tick: int
    data: bytes


Report = PlanReport | AheadReport | BeatReport | HeardReport


class Step(NamedTuple):
    """What one call of `Engine.step` asks the world to do.

    Args:
        messages: To send, ascending due times. Those of the band are due up to the engine's look-ahead after now; the
            player's own (track -1) are due when they came in, so from call to call they may be due before messages of
            the band that were told earlier. Of one track none is ever due before one told earlier.
        job: A question for the model, or None.
        wake_at_s: Call again no later than this; None: only an input can change anything.
        events: What happened.
        reports: The same in numbers and notes, for the performance log.
    """

    messages: tuple[Message, ...] = ()
    job: Job | None = None
    wake_at_s: float | None = None
    events: tuple[Event, ...] = ()
    reports: tuple[Report, ...] = ()


class Committed(NamedTuple):
    """A note the engine has decided to play.

    Args:
        track: Index into the model's tracks.
        note: Ticks of the song.
    """

    track: int
    note: Note
