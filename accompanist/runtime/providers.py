"""The execution providers of onnxruntime: which of them really work here, and a session on one of them.

onnxruntime lists those it was built with, not those that work, and falls back to the CPU with no more than a log line.
Here a provider loads or it is an error.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
from pathlib import Path
from typing import Any

from accompanist.errors import ModelError, ProviderMissing
from accompanist.places import cache_folder
from accompanist.runtime.model_file import check_file
from accompanist.runtime.quiet import quiet_stderr

with quiet_stderr():  # it looks for graphics cards while it is imported, and complains where there are none
    import onnxruntime as ort

__all__ = ["PROVIDERS", "built_in", "one_line", "open_session", "ort", "why_provider_fails"]

_LOG_FATAL = 4
"""onnxruntime's log severity, 0 verbose to 4 fatal: errors reach us as exceptions, warnings are not for players."""
ort.set_default_logger_severity(_LOG_FATAL)

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""Our names for onnxruntime's execution providers, the simplest first."""
_HELPERS = {"cpu": (), "tensorrt": ("cuda", "cpu")}
"""Who computes what a provider leaves to others; the CPU for all those not named."""
_INSTALL = {
    "cuda": "pip install 'onnxruntime-gpu[cuda,cudnn]', or take",
    "tensorrt": "put TensorRT's libraries on the library path, or take",
    "directml": "pip install onnxruntime-directml in the place of onnxruntime-gpu, or take",
}


def built_in() -> list[str]:
    """Our names of those providers that the installed onnxruntime was built with, the simplest first."""
    there = ort.get_available_providers()
    return [name for name, theirs in PROVIDERS.items() if theirs in there]


def why_provider_fails(provider: str) -> str:
    """Why an execution provider cannot load on this machine; empty where nothing speaks against it.

    onnxruntime lists providers it was built with, not those that work, and prints a block of errors when asked for one
    that does not; so it is not asked before this has looked.

    Args:
        provider: A key of `PROVIDERS`.

    Raises:
        ProviderMissing: there is no provider of that name.
    """
    if provider not in PROVIDERS:
        raise ProviderMissing(
            f"no execution provider is called {provider!r}", hint=f"choose one of: auto, {', '.join(PROVIDERS)}"
        )
    if provider not in built_in():
        return f"the installed onnxruntime {ort.__version__} is built without it"
    return _why_nvidia_fails(provider) if provider in ("cuda", "tensorrt") else ""


def _why_nvidia_fails(provider: str) -> str:
    windows = sys.platform == "win32"
    try:
        driver = ctypes.CDLL("nvcuda.dll" if windows else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
            return "there is an NVIDIA driver, but no graphics card it can use"
    except OSError:
        return "there is no NVIDIA driver"
    prefix, suffix = ("", ".dll") if windows else ("lib", ".so")
    folder = Path(ort.__file__).parent / "capi"
    try:
        with quiet_stderr(), contextlib.redirect_stdout(io.StringIO()):
            ort.preload_dlls()  # finds the CUDA libraries of onnxruntime-gpu[cuda,cudnn]
            ctypes.CDLL(str(folder / f"{prefix}onnxruntime_providers_shared{suffix}"), mode=ctypes.RTLD_GLOBAL)
            ctypes.CDLL(str(folder / f"{prefix}onnxruntime_providers_{provider}{suffix}"))
    except OSError as error:
        return f"a library is missing ({one_line(error)})"
    return ""


def open_session(path: Path, provider: str, threads: int) -> Any:
    """An onnxruntime session on one provider, and on no other.

    Args:
        path: The model file.
        provider: A key of `PROVIDERS`.
        threads: Threads onnxruntime may use for one inference on the CPU.

    Raises:
        ModelError: no such file, or not an ONNX model.
        ProviderMissing: the provider does not load on this machine.
    """
    check_file(path)
    why_not = why_provider_fails(provider)
    if why_not:
        raise _provider_missing(provider, why_not)
    options = ort.SessionOptions()
    options.log_severity_level = _LOG_FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A waiting worker must sleep: spinning would take a core from the MIDI system for nothing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = provider != "directml"  # which asks for it to be off
    wanted = [(PROVIDERS[name], _options(name)) for name in (provider, *_HELPERS.get(provider, ("cpu",)))]
    try:
        with quiet_stderr():
            session = ort.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # onnxruntime's errors share no class of their own
        if provider != "cpu":
            open_session(path, "cpu", threads)  # where that fails too, the file is at fault and the provider is not
            raise _provider_missing(provider, one_line(error)) from error
        raise ModelError(
            f"{path} cannot be loaded as an ONNX model: {one_line(error)}",
            hint="export a training run again: accompanist export RUN -o model.onnx",
        ) from error
    if session.get_providers()[0] != PROVIDERS[provider]:  # it falls back without an exception
        raise _provider_missing(provider, "onnxruntime fell back to another when asked for it")
    return session


def _options(provider: str) -> dict[str, Any]:
    """What a provider is told. TensorRT builds an engine for each model, which takes minutes: it is kept."""
    if provider != "tensorrt":
        return {}
    folder = cache_folder() / "tensorrt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # then it is built at each start
        return {}
    return {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
    }


def _provider_missing(provider: str, reason: str) -> ProviderMissing:
    return ProviderMissing(
        f"the provider {provider} does not load: {reason}", hint=f"{_INSTALL.get(provider, 'take')} --provider auto"
    )


def one_line(error: BaseException) -> str:
    """An exception's text without line breaks, or its name where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
