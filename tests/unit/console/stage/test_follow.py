"""A performance log followed while it is written, cut off, replaced."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.performance import HEADER

from accompanist.console.stage.follow import BACK_BYTES, LONGEST_LINE, PIECE_BYTES, Lines, LogTail
from accompanist.runtime.log_records import EventRecord, Record


def event(number: int, detail: str = "") -> EventRecord:
    return EventRecord(float(number), "start", detail)


def written(*records: Record) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(0, 30))
def test_records_are_the_same_in_whatever_pieces_they_come(cuts: list[int], count: int) -> None:
    records = [event(i, "ä\n" * (i % 3)) for i in range(count)]
    data = written(*records)
    lines, found, at = Lines(), list[Record](), 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += lines.feed(data[at:cut])
        at = cut
        assert Lines(lines.offset).feed(data[lines.offset :]) == records[len(found) :]  # one may go on from here
    assert found == records
    assert lines.offset == len(data)


@given(st.binary(max_size=300))
def test_no_bytes_can_break_it(garbage: bytes) -> None:
    lines = Lines()
    lines.feed(garbage)
    assert lines.feed(b"\n" + written(event(1)))[-1:] == [event(1)]


def test_a_line_without_an_end_is_not_kept() -> None:
    lines = Lines()
    for _ in range(10):
        assert lines.feed(b"x" * LONGEST_LINE) == []
        assert len(lines._rest) <= LONGEST_LINE
    assert lines.feed(b"x\n" + written(event(1))) == [event(1)]


def test_new_fields_and_kinds_are_passed_over() -> None:
    lines = b'{"record":"event","at_s":1.0,"name":"start","detail":"","new":[1]}\n{"record":"weather","at_s":2.0}\n'
    assert Lines().feed(lines) == [event(1)]


def test_what_is_added_is_read_and_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    tail = LogTail(path)
    with pytest.raises(FileNotFoundError):
        tail.read()
    path.write_bytes(written(HEADER, event(1))[:-5])
    assert tail.read() == ([HEADER], True)
    assert tail.read() == ([], False)
    with path.open("ab") as log:
        log.write(written(HEADER, event(1))[-5:] + written(event(2)))
    assert tail.read() == ([event(1), event(2)], False)
    assert tail.offset == path.stat().st_size


def test_only_the_newest_performance_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(written(HEADER, event(1), HEADER, event(2)))
    assert LogTail(path).read() == ([HEADER, event(2)], True)


def test_a_file_that_is_replaced_or_cut_off_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(written(HEADER, *map(event, range(9))))
    tail = LogTail(path)
    tail.read()
    path.write_bytes(written(HEADER, event(20)))  # the same file, cut off
    assert tail.read() == ([HEADER, event(20)], True)
    other = tmp_path / "other"
    other.write_bytes(written(HEADER, *map(event, range(30, 60))))
    other.replace(path)
    assert tail.read() == ([HEADER, *map(event, range(30, 60))], True)


def test_of_a_long_log_the_header_and_the_end_are_read_a_piece_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    many = [event(i, "x" * 1000) for i in range(2 * BACK_BYTES // 1000)]
    path.write_bytes(written(HEADER, *many))
    tail = LogTail(path)
    records, anew = tail.read()
    assert anew
    assert records[0] == HEADER
    assert len(records) <= PIECE_BYTES // 1000 + 1
    while more := tail.read()[0]:
        records += more
    assert records[1:] == many[len(many) - len(records) + 1 :]
    assert len(records) < len(many)
