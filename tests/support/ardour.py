"""Ardour without its window: a session built by script, a performance told by script, and what it recorded.

Ardour's runner for Lua (`ardour7-lua`) is a whole Ardour on JACK. A session is made in three steps: a script makes the
tracks, the melody is put on its track as a MIDI region (the runner has no import, so it is written into the session's
file, as an import would leave it), and a second script plays: it connects the ports, arms the band's tracks, and does
what the test tells it.

Seen in Ardour 7.3: the song position it sends counts clocks where MIDI counts sixteenths, so it is six times too large
(`engine.song_position = "clocks"` reads it); it continues at the next full beat; a note at the very start of a take is
not recorded, so the melody waits a bar; and of a take in which it is sent elsewhere while it rolls, nothing is kept.
"""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import mido

from support.device import JackServer, Program

MELODY = "Melody"
TICKS_PER_BEAT = 1920
"""Ardour's own unit of musical time; 7.3 writes positions as b<ticks>."""
_CLIENT = "ardour"
CLOCK_OUT = f"{_CLIENT}:MIDI Clock out"
_SESSION = "session"
_PPQ = 480

# Ardour connects ports from two threads at once, which sometimes garble what they say to jackd: the less, the better.
_ALONE = """
ARDOUR.config():set_auto_connect_standard_busses(false)
ARDOUR.config():set_input_auto_connect(ARDOUR.AutoConnectOption.ManualConnect)
ARDOUR.config():set_output_auto_connect(ARDOUR.AutoConnectOption.ManualConnect)
"""

_MAKE = """
AudioEngine:set_backend("None (Dummy)", "", "")
{alone}
assert(create_session("{folder}", "{session}", 48000))
local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
for _, name in ipairs({{{tracks}}}) do
  Session:new_midi_track(midi, midi, true, ARDOUR.PluginInfo(), nil, nil, 1, name,
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
end
Session:save_state("")
close_session()
quit()
"""

_PLAY = """
local BY_SCRIPT = ARDOUR.TransportRequestSource.TRS_UI
local HERE = ARDOUR.LocateTransportDisposition
local bpm = {bpm}
function say(word) print("LUA " .. word) io.stdout:flush() end
function pause() ARDOUR.LuaAPI.usleep(20000) end
function beat() return Session:transport_sample() * bpm / (60 * 48000) end
function until_true(what, reached)
  for _ = 1, 1500 do if reached() then return end pause() end
  say("gave up waiting for " .. what .. " at beat " .. beat())
  quit()
end
function tempo(new_bpm)
  bpm = new_bpm
  local map = Temporal.TempoMap.write_copy()
  map:set_tempo(Temporal.Tempo(bpm, bpm, 4), Temporal.timepos_t(0))
  Temporal.TempoMap.update(map)
end
function roll()
  Session:request_roll(BY_SCRIPT)
  until_true("rolling", function() return Session:transport_rolling() end)
end
function until_beat(b) until_true("beat " .. b, function() return beat() >= b end) end
function stop()
  Session:request_stop(false, false, BY_SCRIPT)
  until_true("a stop", function() return not Session:transport_rolling() end)
  ARDOUR.LuaAPI.usleep(300000)
end
function locate(b)
  Session:request_locate(math.floor(b * 60 * 48000 / bpm + 0.5), false, HERE.MustStop, BY_SCRIPT)
  ARDOUR.LuaAPI.usleep(300000)
end
function jump(b)
  Session:request_locate(math.floor(b * 60 * 48000 / bpm + 0.5), false, HERE.MustRoll, BY_SCRIPT)
  until_true("a jump", function() return beat() < b + 1 end)
end
function loop()
  Session:request_play_loop(true, true)
  until_true("rolling", function() return Session:transport_rolling() end)
end
function seconds(s) ARDOUR.LuaAPI.usleep(math.floor(1000000 * s)) end
function record() Session:maybe_enable_record(false) ARDOUR.LuaAPI.usleep(200000) end

AudioEngine:set_backend("JACK", "ardour", "")
{alone}
ARDOUR.config():set_send_midi_clock(true)
assert(load_session("{folder}", "{session}"))
tempo(bpm)
local armed = {{{tracks}}}
for track in Session:get_tracks():iter() do
  if armed[track:name()] then track:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup) end
end
say("ready")
until_true("the word to go", function() local go = io.open("{go}") if go then go:close() end return go end)
{steps}
say("played")
Session:save_state("")
close_session()
quit()
"""


class Recorded(NamedTuple):
    """A note of a recorded region.

    Args:
        beat: Where it begins in the song, in quarter notes from its start.
        pitch: MIDI note number.
        end_beat: Where it ends.
    """

    beat: float
    pitch: int
    end_beat: float


def runner() -> str | None:
    """Ardour's runner for Lua scripts, whatever its version; None where there is none."""
    return next((found for version in (9, 8, 7, 6) if (found := shutil.which(f"ardour{version}-lua"))), None)


class Session:
    """An Ardour session on a private JACK server.

    Args:
        server: The JACK server.
        folder: Where the session and Ardour's own settings go; it must not exist.
        tracks: Names of the tracks to record on.
        melody: Pitches of the melody, a note per beat.
        first_beat: Where the melody begins.
        loop: Beats from and up to which `loop()` goes round; none where they are one.
    """

    def __init__(
        self,
        server: JackServer,
        folder: Path,
        *,
        tracks: Sequence[str],
        melody: Iterable[int],
        first_beat: int,
        loop: range = range(0),
    ) -> None:
        self._server = server
        self._folder = folder
        self._tracks = tracks
        self._scripts = 0
        made = self._run(_MAKE.format(alone=_ALONE, folder=folder, session=_SESSION, tracks=_quoted([MELODY, *tracks])))
        assert made.ends() == 0, made.lines
        self._put_melody(list(melody), first_beat, loop)

    @property
    def _file(self) -> Path:
        return self._folder / f"{_SESSION}.ardour"

    @property
    def _midi_files(self) -> Path:
        return self._folder / "interchange" / self._folder.name / "midifiles"

    def _run(self, script: str) -> Program:
        self._scripts += 1
        path = self._folder.with_name(f"{self._folder.name}-{self._scripts}.lua")
        path.write_text(script, encoding="utf-8")
        found = runner()
        assert found is not None
        settings = f"XDG_CONFIG_HOME={self._folder.with_name(self._folder.name + '-settings')}"
        return self._server.start(["env", settings, found, str(path)])

    def _put_melody(self, pitches: list[int], first_beat: int, loop: range) -> None:
        track = mido.MidiTrack()
        for pitch in pitches:
            track.append(mido.Message("note_on", note=pitch, velocity=80))
            track.append(mido.Message("note_off", note=pitch, time=_PPQ * 9 // 10))
            track.append(mido.MetaMessage("marker", text="", time=_PPQ - _PPQ * 9 // 10))
        self._midi_files.mkdir(parents=True, exist_ok=True)
        mido.MidiFile(type=0, ticks_per_beat=_PPQ, tracks=[track]).save(self._midi_files / f"{MELODY}.mid")
        tree = ET.parse(self._file)  # noqa: S314 (Ardour's own file, just written)
        root = tree.getroot()
        for port in root.iter("Port"):
            for connection in port.findall("Connection"):
                port.remove(connection)
        first_id = int(root.get("id-counter", "0")) + 1
        root.set("id-counter", str(first_id + 4))
        source = {"name": f"{MELODY}.mid", "type": "midi", "flags": "Writable,CanRename", "id": str(first_id)}
        region = {
            "name": MELODY,
            "type": "midi",
            "start": "b0",
            "length": f"b{len(pitches) * TICKS_PER_BEAT}@b{first_beat * TICKS_PER_BEAT}",
            "source-0": str(first_id),
            "master-source-0": str(first_id),
        }
        ET.SubElement(_found(root, "Sources"), "Source", source)
        ET.SubElement(_found(root, "Regions"), "Region", {**region, "id": str(first_id + 1), "whole-file": "1"})
        playlist = _found(root, f"Playlists/Playlist[@name='{MELODY}']")
        ET.SubElement(playlist, "Region", {**region, "id": str(first_id + 2)})
        if loop:
            ends = {"start": f"b{loop.start * TICKS_PER_BEAT}", "end": f"b{loop.stop * TICKS_PER_BEAT}"}
            place = {"id": str(first_id + 3), "name": "Loop", "flags": "IsAutoLoop", "locked": "0", "cue": "0", **ends}
            ET.SubElement(_found(root, "Locations"), "Location", {**place, "position-time-domain": "beat-time"})
        tree.write(self._file, encoding="UTF-8", xml_declaration=True)

    def open(self, *, bpm: float, steps: str) -> Performance:
        """Start Ardour with the session, its tracks armed; it waits for `Performance.go`.

        Its ports are connected from outside (`wires`): Ardour's own requests to JACK come from several threads, and one
        more beside them sometimes garbles the connection to the server.

        Args:
            bpm: Tempo at first.
            steps: What to do, in Lua: tempo(bpm), record(), roll(), until_beat(b), stop(), locate(b),
                jump(b) (back, while it rolls), loop(), seconds(s).
        """
        go = self._folder / "go"
        tracks = ", ".join(f'["{track}"] = true' for track in self._tracks)
        program = self._run(
            _PLAY.format(
                alone=_ALONE, bpm=bpm, folder=self._folder, session=_SESSION, tracks=tracks, go=go, steps=steps
            )
        )
        program.line_with("LUA ready")
        return Performance(program, go)

    def takes(self, track: str) -> list[list[Recorded]]:
        """What a track recorded: the notes of each take, in the order in which they were made."""
        root = ET.parse(self._file).getroot()  # noqa: S314 (Ardour's own file)
        files = {source.get("id"): source.get("name", "") for source in root.iterfind("Sources/Source")}
        regions = root.iterfind(f"Playlists/Playlist[@name='{track}']/Region")
        # Headless, 7.3 sometimes puts a take onto its track twice.
        by_age = {int(region.get("source-0", "0")): region for region in regions}
        return [self._notes(by_age[source], files[str(source)]) for source in sorted(by_age)]

    def _notes(self, region: ET.Element, file: str) -> list[Recorded]:
        length, _, position = region.get("length", "").partition("@")
        assert length.startswith("b"), f"positions in beats were expected: {region.attrib}"
        assert position.startswith("b"), f"positions in beats were expected: {region.attrib}"
        offset = (int(position[1:]) - int(region.get("start", "b0")[1:])) / TICKS_PER_BEAT
        midi = mido.MidiFile(self._midi_files / file)
        begun: dict[tuple[int, int], float] = {}
        notes, tick = [], 0
        for message in midi.tracks[-1]:
            tick += message.time
            beat = offset + tick / midi.ticks_per_beat
            if message.type == "note_on" and message.velocity:
                begun[message.channel, message.note] = beat
            elif message.type in ("note_on", "note_off"):
                notes.append(Recorded(begun.pop((message.channel, message.note)), message.note, beat))
        assert not begun, f"never ended in {file}: {begun}"
        return sorted(notes)


class Performance:
    """Ardour, ready to play.

    Args:
        program: Its process.
        go: The file whose existence lets it begin.
    """

    def __init__(self, program: Program, go: Path) -> None:
        self._program = program
        self._go = go

    def go(self) -> None:
        """Let it do its steps."""
        self._go.touch()

    def played(self) -> None:
        """Wait until its steps are done."""
        self._program.line_with("LUA played")

    def ends(self) -> None:
        """Wait until it has saved what it recorded."""
        assert self._program.ends() == 0, self._program.lines


def wires(sources: Mapping[str, str], *, melody_to: str, clock_to: str) -> list[list[str]]:
    """The connections of Ardour's ports: [from, to].

    Args:
        sources: Port that each track records.
        melody_to: Port that the melody's track plays to.
        clock_to: Port that MIDI clock goes to.
    """
    recorded = [[port, f"{_CLIENT}:{track}/midi_in 1"] for track, port in sources.items()]
    return [*recorded, [f"{_CLIENT}:{MELODY}/midi_out 1", melody_to], [CLOCK_OUT, clock_to]]


def _found(root: ET.Element, path: str) -> ET.Element:
    element = root.find(path)
    assert element is not None, f"no {path} in the session"
    return element


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
