# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine the figures are from."""

import os
import platform
import re
import subprocess

# A load average above this comes from others.
LOAD_MAX = 0.7


def file_system_of(path):
    """Type of the file system that path is on."""
    path = os.path.realpath(path)
    best, kind = "", "unknown"
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for mount in mounts:
            _, point, fs_type, *_ = mount.split()
            point = point.encode().decode("unicode_escape")
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, fs_type
    return kind


def describe(directory):
    """What has a bearing on the figures, by name."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory_kib = int(re.search(r"^MemTotal:\s+(\d+)", file.read(), re.MULTILINE).group(1))
    daemon = subprocess.run(["dbus-daemon", "--version"], capture_output=True, text=True, timeout=10, check=True)
    return {
        "processor": model.group(1) if model else platform.processor(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory_kib / 1024**2, 1),
        "kernel": platform.release(),
        "file_system": file_system_of(directory),
        "bus": daemon.stdout.splitlines()[0],
        "load_before": round(os.getloadavg()[0], 2),
    }
