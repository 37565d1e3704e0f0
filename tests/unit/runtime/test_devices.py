from __future__ import annotations

from accompanist.runtime.devices import alsa_devices

CLIENTS = """\
Client info
  cur  clients : 5
  peak clients : 6
  max  clients : 192

Client   0 : "System" [Kernel Legacy]
  Port   0 : "Timer" (Rwe-) [In/Out]
Client  14 : "Midi Through" [Kernel Legacy]
  Port   0 : "Midi Through Port-0" (RWe-) [In/Out]
Client  20 : "Keystation 61 MK3" [Kernel UMP MIDI1]
  Port   0 : "Keystation MIDI 1" (RWeX) [In/Out]
Client  24 : "Pad 2" [Kernel]
  Port   0 : "Pad \\"A\\"" (RWeX) [In/Out]
Client 128 : "FLUID Synth (1234)" [User Legacy]
  Port   0 : "Synth input port" (-We-) [In/Out]
"""
NAMES = (
    "Midi Through:Midi Through Port-0 14:0",
    "Keystation 61 MK3:Keystation MIDI 1 20:0",
    "Pad 2:Pad 24:0",
    "FLUID Synth (1234):Synth input port 128:0",
    "a name without numbers",
)


def test_alsa_ports_of_the_kernels_clients_are_devices() -> None:
    assert alsa_devices(NAMES, CLIENTS) == {NAMES[1], NAMES[2]}


def test_where_the_kernel_says_nothing_there_are_none() -> None:
    assert alsa_devices(NAMES, "") == frozenset()
