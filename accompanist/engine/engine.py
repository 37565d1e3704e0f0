"""The engine: what came in and what time it is, turned into what goes out.

    inputs -> transport -> bar buffer -> job to the model ... answer -> planner -> schedule -> messages

`Engine.step` is a pure function of the engine's state and its arguments. It knows no clock, no port and no model: the
owner tells it the time, sends what it returns, hands its jobs to a model and calls again at `wake_at_s`. Inputs that
arrived between two calls are taken in the order of their stamps, and what was due before each is done before it.

It may look ahead: with `ahead_s` everything the band plays is told that much before it is due, so that a port can hand
it over early or take its own latency off. What was told is final. Inputs keep their true stamps, and the player's own
messages are due at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from accompanist.config import EngineConfig, ServeConfig
from accompanist.config_controls import ControlsConfig
from accompanist.engine.arranger import Arranger
from accompanist.engine.band import Band
from accompanist.engine.bars import BarBuffer
from accompanist.engine.clock_out import CLOCK_TRACK, ClockOut
from accompanist.engine.controls import SONG, Refused, checked, said
from accompanist.engine.count_in import Clicks
from accompanist.engine.follower import ClockFollower
from accompanist.engine.left_hand import LeftHand
from accompanist.engine.link_transport import LinkTransport
from accompanist.engine.mapping import ControlMap
from accompanist.engine.outbox import Outbox
from accompanist.engine.part import Part, parts_of
from accompanist.engine.player import FIRST_SYSTEM, PLAYERS_PORT, Player, begins_note, tells_of_notes
from accompanist.engine.protocol import (
    Answer,
    Command,
    Failure,
    HeardReport,
    Input,
    LinkState,
    PortChange,
    Received,
    Step,
    Stop,
    TempoChange,
)
from accompanist.engine.status import Status
from accompanist.engine.tap import Taps
from accompanist.engine.transport import InternalTransport, Transport, Turn
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, STEPS_PER_BEAT, TICKS_PER_CLOCK, TICKS_PER_SONG_POSITION, us_per_beat

OLDEST_STAMP_S = 1.0
"""An input stamped longer ago than this before the last call is taken as that old."""
FARTHEST_S = 1e12
"""Times beyond this are no times (a broken clock) and are passed over."""
NO_CONTROLS = ControlsConfig()


class Engine:
    """A performance, from the first note to the last note-off.

    Args:
        spec: The model that will answer.
        settings: Tempo, meter and lead.
        follow_clock: A MIDI clock leads; otherwise the engine's own tempo map.
        channel: MIDI channel of the player, 1 to 16; 0: any.
        thru: Send the player's messages on.
        wait_for_player: Without a clock: the song begins with the player's first note, else with the first step.
        ahead_s: How long before they are due the band's messages are told, in seconds, 0 or more.
        clock_out: Send a MIDI clock, on `clock_out.CLOCK_TRACK`.
        count_in_bars: Clicks for so many bars, on `count_in.CLICK_TRACK`, when the song is told to start.
        link: A Link session leads.
        split: The lowest pitch of the melody, below it is the left hand; 0: there is none.
        controls: Which of the player's messages are commands.
        parts: How each track leaves; as the model says where None.

    Raises:
        ConfigError: the settings do not suit the model, or the controls name a track or style that it does not have.
    """

    def __init__(
        self,
        spec: ModelSpec,
        settings: EngineConfig,
        *,
        follow_clock: bool = False,
        channel: int = 0,
        thru: bool = False,
        wait_for_player: bool = True,
        ahead_s: float = 0.0,
        clock_out: bool = False,
        count_in_bars: int = 0,
        link: bool = False,
        split: int = 0,
        controls: ControlsConfig = NO_CONTROLS,
        parts: Sequence[Part] | None = None,
    ) -> None:
        self._spec = spec
        self._beats_per_bar = settings.beats_per_bar
        self._transport = _leading(settings, follow_clock=follow_clock, link=link)
        self._bars = BarBuffer(
            spec.context_steps, ahead_steps=spec.ahead_steps, enough_steps=STEPS_PER_BEAT if spec.codes else None
        )
        self._left_hand = LeftHand(split)
        self._player = Player(self._bars, self._left_hand, channel=channel, thru=thru)
        self._controls = ControlMap(controls, spec)
        self._arranger = Arranger(spec, settings, self._bars, self._left_hand)
        self._outbox = Outbox(settings.beats_per_bar)
        parts = parts_of(spec, ServeConfig()) if parts is None else parts
        self._band = Band(spec, settings, self._bars, self._arranger, self._outbox, parts=parts, ahead_s=ahead_s)
        self._clock_out = ClockOut(self._outbox, ahead_s=ahead_s) if clock_out else None
        self._count_in = Clicks(self._outbox, bars=count_in_bars, beats_per_bar=settings.beats_per_bar, ahead_s=ahead_s)
        self._taps = Taps()
        self._begun = follow_clock  # the player, or the first step, has begun the song
        self._wait_for_player = wait_for_player
        self._ended = False
        self._now_s: float | None = None
        self._done_s = -math.inf  # what was to do up to here is done
        self._stirred = True  # something came in since that there may be more to do for; a note is only heard

    def step(self, now_s: float, inputs: Sequence[Input]) -> Step:
        """Take what came in, and do everything that is due.

        Args:
            now_s: The present, in seconds of the owner's clock; a time before the last call's is taken as that.
            inputs: What arrived since the last call, in any order; a stamp later than now is taken as now.

        Returns:
            What to send and what to ask, and when to call again. Never raises.
        """
        self._outbox.begin()
        if self._ended:
            return Step()
        before_s = self._now_s
        now_s = self._now_s = self._sane(now_s)
        if not self._begun and not self._wait_for_player:
            self._begin(now_s)
        for at_s, item in self._in_order(inputs, now_s if before_s is None else before_s, now_s):
            self._catch_up(at_s)
            self._take(item, at_s)
            if self._ended:
                return self._outbox.step(None, ended=True)
        self._catch_up(now_s)
        return self._outbox.step(self._wake_at_s(now_s), ended=False)

    def close(self, now_s: float) -> Step:
        """End the performance: note-offs for everything that sounds, once."""
        return self.step(now_s, (Stop(self._sane(now_s)),))

    def status(self, now_s: float) -> Status:
        """Where the performance stands at a moment."""
        tick = self._transport.tick_at(self._sane(now_s))
        return Status(
            running=self._transport.running,
            bar=tick // PPQ // self._beats_per_bar + 1,
            beat=tick // PPQ % self._beats_per_bar + 1,
            tick=tick,
            bpm=self._transport.bpm,
            lock=self._transport.lock,
            listening=tick < self._band.first_plan_tick,
            notes_in=self._player.notes_in,
            notes_out=self._outbox.notes_out,
            late_answers=self._band.late_answers,
            dropped_answers=self._band.dropped_answers,
            failures=self._band.failures,
            figures=self._band.tally.figures(),
            inference_s=self._band.inference_s,
            controls=self._arranger.desk.setting,
        )

    # --- time ---

    def _sane(self, now_s: float) -> float:
        last_s = 0.0 if self._now_s is None else self._now_s
        if not abs(now_s) < FARTHEST_S:  # also where it is no number
            return last_s
        return now_s if self._now_s is None else max(now_s, last_s)

    @staticmethod
    def _in_order(inputs: Sequence[Input], before_s: float, now_s: float) -> Iterator[tuple[float, Input]]:
        """Inputs by their stamps, each held between a little before the last call and now."""
        oldest_s = before_s - OLDEST_STAMP_S
        stamped = [
            (min(max(item.at_s, oldest_s), now_s) if math.isfinite(item.at_s) else now_s, item) for item in inputs
        ]
        yield from sorted(stamped, key=lambda pair: pair[0])

    def _catch_up(self, until_s: float) -> None:
        """Do what was to do up to a moment, the transport's own deadlines in between."""
        if until_s < self._done_s or (until_s == self._done_s and not self._stirred):
            return
        while (deadline_s := self._transport.deadline_s) <= until_s:
            self._done_s = max(deadline_s, self._done_s)
            self._play(self._done_s)
            self._turn(self._transport.expire(self._done_s))
        self._done_s = until_s
        self._play(until_s)

    def _play(self, at_s: float) -> None:
        self._count_in.play(self._transport, at_s)
        if self._clock_out is not None:
            self._clock_out.play(self._transport, at_s)
        self._band.play(self._transport, at_s)
        self._stirred = False

    def _wake_at_s(self, now_s: float) -> float | None:
        its_s = self._band.next_s(self._transport), self._count_in.next_s(self._transport)
        wake_s = min(*its_s, self._transport.deadline_s)
        if self._clock_out is not None:
            wake_s = min(wake_s, self._clock_out.next_s(self._transport))
        # Never the present again: what is due by now is done, but for how seconds are rounded.
        return max(wake_s, math.nextafter(now_s, math.inf)) if math.isfinite(wake_s) else None

    # --- what came in ---

    def _take(self, item: Input, at_s: float) -> None:
        if isinstance(item, Received):
            self._receive(item, at_s)
            return
        self._stirred = True
        match item:
            case TempoChange():
                self._transport.change_tempo(item.us_per_beat, item.tick)
            case Answer():
                self._band.answered(item, at_s)
            case Failure():
                self._band.failed(item, at_s)
            case Command():
                self._obey(item, at_s)
            case PortChange():
                self._port_changed(item, at_s)
            case LinkState():
                self._turn(_of_session(self._transport, item, at_s))
            case Stop():
                self._end(max(at_s, self._done_s))

    def _port_changed(self, change: PortChange, at_s: float) -> None:
        name = "port_back" if change.there else "port_refused" if change.why else "port_lost"
        self._outbox.tell(at_s, name, f"{change.role}: {change.name}{change.why and f': {change.why}'}")
        if change.role == PLAYERS_PORT and not change.there:
            self._outbox.pass_on(self._player.let_go(at_s, self._transport.tick_at(at_s)))
        if self._clock_out is not None and change.there and CLOCK_TRACK in change.tracks:
            self._clock_out.back(at_s)
        # Further than before, never less far: what was told is told.
        for teller in (self._band, self._count_in, self._clock_out):
            if teller is not None:
                teller.ahead_s = max(teller.ahead_s, change.ahead_s)

    def _receive(self, received: Received, at_s: float) -> None:
        data = received.data
        if self._controls.owns(received):
            self._stirred = True
            for command in self._controls.commands(received):
                self._obey(command, at_s)
        elif self._player.owns(received):
            if not self._begun and begins_note(data):
                self._begin(at_s)
            tick = self._transport.tick_at(at_s)
            if tells_of_notes(data):
                self._outbox.report(HeardReport(at_s, tick, data))
            self._outbox.pass_on(self._player.hear(data, tick, at_s))
        elif data and data[0] >= FIRST_SYSTEM and not received.from_control:
            self._stirred = True
            self._turn(self._transport.receive(data, at_s))

    # --- the player in charge ---

    def _obey(self, command: Command, at_s: float) -> None:
        try:
            command = checked(command, self._spec)
            if command.name in SONG:
                self._lead(command, at_s)
            elif command.name == "panic":
                self._band.panic(at_s)
                self._outbox.pass_on(self._player.panic(at_s, self._transport.tick_at(at_s)))
            elif command.name == "fill":
                self._arranger.fill()
                self._band.tell_ahead(at_s)
            else:
                command = self._arranger.desk.take(command)
                self._band.close(self._arranger.desk.closed, at_s)
                self._band.tell_ahead(at_s)
        except Refused as refused:
            self._outbox.tell(at_s, "control_refused", str(refused))
        else:
            self._outbox.tell(at_s, "control", said(command, self._spec))

    def _lead(self, command: Command, at_s: float) -> None:
        """Tempo, start and stop: the player's where no clock leads."""
        transport = self._transport
        if not isinstance(transport, InternalTransport):
            leader = "Link session" if isinstance(transport, LinkTransport) else "MIDI clock"
            raise Refused(f"{command.name}: the {leader} leads", ())
        match command.name:
            case "bpm":
                transport.change_tempo(us_per_beat(command.value or 0), None)
            case "tap":
                if (bpm := self._taps.tap(at_s)) is not None:
                    transport.change_tempo(us_per_beat(bpm), None)
            case "start":
                self._begun = True
                self._band.forget()  # no DAW's song with its places: another piece begins
                self._turn(transport.start(at_s, self._count_in.ticks))
                self._count_in.begin()
            case "continue":
                self._begun = True  # or the player's first note would begin it again
                self._turn(transport.go_on(at_s))
            case "stop":
                self._turn(transport.stop(at_s))

    # --- the course of the song ---

    def _begin(self, at_s: float) -> None:
        """The song begins: tick 0 is at this moment."""
        self._begun = self._stirred = True
        self._turn(self._transport.player_began(at_s))

    def _turn(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            tick = self._transport.tick_at(turn.at_s)
            self._outbox.tell(turn.at_s, turn.name, self._outbox.place(tick))
            if self._clock_out is not None:
                self._clock_out.turn(turn, self._transport)
            if turn.silence:
                self._band.silence(turn.at_s)
            if turn.jump:
                self._bars.restart(tick, self._band.now_tick)
                self._band.jump(self._transport, tick, turn.at_s, begins=turn.name == "start")
                self._left_hand.restart(tick)

    def _end(self, at_s: float) -> None:
        self._turn(self._transport.stop(at_s))
        self._band.silence(at_s)
        self._outbox.pass_on(self._player.release(at_s, self._transport.tick_at(at_s)))
        self._ended = True


def _leading(settings: EngineConfig, *, follow_clock: bool, link: bool) -> Transport:
    if link:
        return LinkTransport(settings.bpm, settings.beats_per_bar)
    if follow_clock:
        per_position = TICKS_PER_CLOCK if settings.song_position == "clocks" else TICKS_PER_SONG_POSITION
        return ClockFollower(settings.bpm, settings.lost_clock_beats, per_position)
    return InternalTransport(settings.bpm)


def _of_session(transport: Transport, state: LinkState, at_s: float) -> tuple[Turn, ...]:
    """What a Link session says, to whoever follows one."""
    return transport.heard(state, at_s) if isinstance(transport, LinkTransport) else ()
