# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the store makes of the disk and the processor, without a bus: recovery, and writing a checkpoint."""

import glob
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from .figure import Figure, at_least
from .instance import run_tool

MIB = 1024 * 1024

# What a journal is made of: the shapes of journal-maker.c, and what they mean.
SHAPES = {
    "small": "commits of one key of 20 + 32 bytes, 100,000 keys in order",
    "scattered": "the same in no order",
    "million": "the same with 1,000,000 keys, in no order",
    "batches": "commits of 4000 of these keys",
    "large": "commits of one value of 64 KiB, 1,000 keys in no order",
}
# Whatever the shape.
RECOVERY_MIB_A_SECOND = 300


class Scratch:
    """Directories of a store, filled with one journal."""

    def __init__(self, context, shape):
        self.tool = context.store_tool
        self.path = tempfile.mkdtemp(prefix="store-", dir=context.directory)
        self.directories = [os.path.join(self.path, name) for name in ("state", "runtime")]
        self.made = self._run("make", *self.directories, shape, context.sizes.journal_mib)

    def _run(self, *arguments):
        return json.loads(run_tool(self.tool, *arguments, timeout=150))

    def floor(self):
        """Seconds that reading the journal and summing it up takes."""
        (journal,) = glob.glob(os.path.join(self.directories[0], "journal-*"))
        return self._run("floor", journal)["seconds"]

    def recover(self):
        """Seconds, and those of a processor, which a machine that is busy otherwise draws out less."""
        recovered = self._run("recover", *self.directories)
        return recovered["seconds"], recovered["processor_seconds"]

    def checkpoint(self):
        """Bytes a second, from the order for a checkpoint to its being named."""
        taken = self._run("checkpoint", *self.directories)
        return taken["bytes"] / taken["seconds"], taken

    def dd(self, n_bytes):
        """Bytes a second that dd writes into the same directory and syncs."""
        path = os.path.join(self.directories[0], "tmp", "dd")
        command = ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={n_bytes // MIB}", "conv=fsync", "status=none"]
        begin = time.monotonic()
        subprocess.run(command, check=True, timeout=150)
        seconds = time.monotonic() - begin
        os.unlink(path)
        return n_bytes // MIB * MIB / seconds

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


def measure_shape(context, shape):
    scratch = Scratch(context, shape)
    try:
        scratch.recover()  # so that the file is in the page cache
        rounds = [(scratch.floor(), *scratch.recover()) for _ in range(context.sizes.recoveries)]
    finally:
        scratch.close()
    mib = scratch.made["bytes"] / MIB
    floors, seconds, processor = (list(column) for column in zip(*rounds, strict=True))
    spread = f"{mib / max(seconds):.0f}..{mib / min(seconds):.0f} MiB/s"
    return Figure(
        f"recovery-{shape}",
        mib / statistics.median(seconds),
        "MiB/s",
        "reading it, checksums",
        mib / statistics.median(floors),
        goal=at_least(RECOVERY_MIB_A_SECOND),
        note=f"{spread}; {mib:.0f} MiB, {SHAPES[shape]}: {scratch.made['changes'] / statistics.median(seconds):,.0f} "
        f"changes/s, {mib / statistics.median(processor):.0f} MiB a second of processor time",
    )


def measure_recovery(context):
    """A start from a journal alone, which is in the page cache: reading, checking, applying."""
    return [measure_shape(context, shape) for shape in SHAPES]


def measure_write(context):
    """A checkpoint that nobody disturbs, against dd; each sees the disk as the other does."""
    scratch = Scratch(context, "million")
    rounds = []
    try:
        for _ in range(context.sizes.checkpoints):
            speed, taken = scratch.checkpoint()
            rounds.append((speed, scratch.dd(max(taken["bytes"], MIB))))
    finally:
        scratch.close()
    speeds, disks = (list(column) for column in zip(*rounds, strict=True))
    return [
        Figure(
            "checkpoint-write",
            statistics.median(speeds) / MIB,
            "MiB/s",
            "dd conv=fsync",
            statistics.median(disks) / MIB,
            [speed / disk for speed, disk in rounds],
            at_least(0.5),
            f"{taken['entries']:,} entries, {taken['bytes'] / MIB:.0f} MiB, verified",
        )
    ]
