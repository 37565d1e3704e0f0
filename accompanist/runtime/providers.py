"""Which execution providers of onnxruntime really work here: it lists all it was built with."""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys
from pathlib import Path

from accompanist.errors import ProviderMissing
from accompanist.runtime.quiet import quiet_stderr

with quiet_stderr():  # it looks for graphics cards while it is imported, and complains where there are none
    import onnxruntime as ort

__all__ = ["LOG_FATAL", "PROVIDERS", "one_line", "ort", "why_provider_fails"]

LOG_FATAL = 4
"""onnxruntime's log severity, 0 verbose to 4 fatal: errors reach us as exceptions, warnings are not for players."""
ort.set_default_logger_severity(LOG_FATAL)

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}
"""Our names for onnxruntime's execution providers."""


def why_provider_fails(provider: str) -> str:
    """Why an execution provider cannot load on this machine; empty where nothing speaks against it.

    onnxruntime lists providers it was built with, not those that work, and prints a block of errors when asked for one
    that does not; so it is not asked before this has looked.

    Args:
        provider: "cpu", "cuda" or "coreml".

    Raises:
        ProviderMissing: there is no provider of that name.
    """
    if provider not in PROVIDERS:
        raise ProviderMissing(
            f"no execution provider is called {provider!r}", hint=f"choose one of: auto, {', '.join(PROVIDERS)}"
        )
    if PROVIDERS[provider] not in ort.get_available_providers():
        return f"the installed onnxruntime {ort.__version__} is built without it"
    return _why_cuda_fails() if provider == "cuda" else ""


def _why_cuda_fails() -> str:
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
            ctypes.CDLL(str(folder / f"{prefix}onnxruntime_providers_cuda{suffix}"))
    except OSError as error:
        return f"a CUDA library is missing ({one_line(error)})"
    return ""


def one_line(error: BaseException) -> str:
    """An exception's text without line breaks, or its name where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
