from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.errors import ModelError
from accompanist.runtime.installed import default_model_path
from accompanist.runtime.model_metadata import metadata_of
from accompanist.runtime.providers import open_session


@pytest.mark.parametrize("name", ["default", "classic"])
def test_it_says_what_onnxruntime_says(name: str) -> None:
    path = default_model_path().with_name(f"{name}.onnx")
    assert metadata_of(path) == open_session(path, "cpu", 1).get_modelmeta().custom_metadata_map


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    for content in (b"", b"no model", b"RIFF" + bytes(100), b"\x08\x08" * 50, b"\xff" * 30):
        path = tmp_path / "x.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelError, match="no ONNX model"):
            metadata_of(path)
    with pytest.raises(ModelError, match="no such file"):
        metadata_of(tmp_path / "none.onnx")


def test_an_entry_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    length = 1 << 30
    with path.open("wb") as file:  # a hole: nothing of it is on the disk
        file.write(b"\x3a\x00\x72" + bytes([0x80, 0x80, 0x80, 0x80, 0x04]))
        file.truncate(8 + length)
    with pytest.raises(ModelError, match="damaged"):
        metadata_of(path)


@given(data=st.data())
def test_cut_short_it_is_no_model_or_says_less(
    tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = tiny_model.read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.onnx"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = metadata_of(path)
    except ModelError:
        return
    assert found.items() <= metadata_of(tiny_model).items()


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_wrong_byte_is_no_other_fault(
    tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    content = bytearray(tiny_model.read_bytes())
    content[place % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "wrong.onnx"
    path.write_bytes(content)
    try:
        found = metadata_of(path)
    except ModelError:
        return
    assert all(isinstance(text, str) for text in (*found, *found.values()))
