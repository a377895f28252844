"""What the kernel knows of a process: its processor time and its largest memory."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the seconds that all threads of a process have had of the processor."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICKS


def peak_mb(pid: int | str = "self") -> int:
    """Return the largest resident memory that a process has had, MB."""
    status = Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1]
    return int(status.split()[0]) // 1024


def broker_of(folder: Path) -> int | None:
    """Return the broker whose files are in a folder, None where it is no process of ours."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and str(folder) in _command(entry):
            return int(entry.name)
    return None


def _command(entry: Path) -> str:
    try:
        words = (entry / "cmdline").read_text().split("\0")
    except OSError:  # it ended just now
        return ""
    return words[-2] if words[0].endswith("java") else ""
