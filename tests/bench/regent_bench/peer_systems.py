# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is compared: each way to each system, and what it cannot do."""

import dataclasses

from . import peer_services as services


@dataclasses.dataclass(frozen=True)
class System:
    """A row of the tables. cannot: case -> why its cell is empty; a case is named as in measure_peers.py."""

    name: str  # of the row, in results
    label: str  # for people
    program: str  # bench-peer-PROGRAM
    service: str  # in SERVICES; shared by rows
    durable: str  # what a write is when it is answered
    variant: str = ""
    cannot: dict = dataclasses.field(default_factory=dict)
    cases: tuple = ("read", "write", "writers", "tell")

    def apart(self):
        """The variant with which nothing is seen of what other ways to the same service write; None: it is alone."""
        if self.service != "regent":
            return None
        return ",".join(filter(None, [self.variant, "in:" + self.name.replace("-", "_")]))

    @property
    def is_durable(self):
        return not self.durable.startswith("no")


SERVICES = {
    "regent": services.Regent,
    "lmdb": services.Service,
    "sqlite": services.Service,
    "dconf": services.Dconf,
    "xfconf": services.Xfconf,
    "cmap": services.Corosync,
    "etcd": services.Etcd,
    "floor": services.Service,
    "bare": services.BareService,
}

FLUSHED = "yes: journal, fdatasync"
NO_TELLING = {"tell": "tells nobody"}
# A message of D-Bus has 128 MiB at most.
XFCONF_CANNOT = {
    (case, 100_000, 4096): "its library fetches all in one message: too large"
    for case in ("read", "write", "writers", "tell")
}

SYSTEMS = [
    System("regent-bus", "Regent, over the bus", "regent", "regent", FLUSHED),
    System("regent-channel", "Regent, channel, sd-bus", "regent", "regent", FLUSHED, "channel"),
    System(
        "regent-view", "Regent, view", "regent-view", "regent", FLUSHED,
        cannot={"write": "is for reading", "writers": "is for reading"},
    ),
    System("regent-lib", "Regent, channel, libregent", "regent-lib", "regent", FLUSHED),
    System("lmdb", "LMDB", "lmdb", "lmdb", "yes: pages and a meta page, fdatasync each", cannot=NO_TELLING),
    System("sqlite", "SQLite, WAL, FULL", "sqlite", "sqlite", "yes: log, fdatasync", cannot=NO_TELLING),
    System("dconf", "dconf", "dconf", "dconf", "yes: the whole file anew, fsync"),
    System("xfconf", "xfconf", "xfconf", "xfconf", "no: seconds later", cannot=XFCONF_CANNOT),
    System("cmap", "corosync cmap", "cmap", "cmap", "no: never"),
    System("etcd", "etcd", "etcd", "etcd", "yes: log, fdatasync"),
    System("floor", "floor", "floor", "floor", "yes: fdatasync", cannot=NO_TELLING),
]  # fmt: skip

# Entries that are gone after a reboot: what cmap is made for.
RUNTIME_CASES = ("runtime-one", "runtime-eight", "runtime-pipeline")
RUNTIME_SYSTEMS = [
    System("regent-bus-runtime", "Regent, over the bus, class runtime", "regent", "regent",
           "no: until the next boot, kept over a restart", "runtime,in:runtime", cases=RUNTIME_CASES),
    System("regent-channel-runtime", "Regent, channel, sd-bus, class runtime", "regent", "regent",
           "no: until the next boot, kept over a restart", "channel,runtime,in:runtime", cases=RUNTIME_CASES),
    System("regent-lib-runtime", "Regent, channel, libregent, class runtime", "regent-lib", "regent",
           "no: until the next boot, kept over a restart", "channel,runtime,in:runtime", cases=RUNTIME_CASES),
    System("cmap-runtime", "corosync cmap", "cmap", "cmap", "no: until corosync ends", cases=RUNTIME_CASES),
    System("bare-runtime", "floor", "regent", "bare", "no: nothing is kept, sd-bus answers",
           "bare,runtime,in:runtime", cases=RUNTIME_CASES),
]  # fmt: skip


def why_not(system, case, n_keys, value_bytes):
    """Why a cell is empty; None where it is not."""
    for key in (case, (case, n_keys, value_bytes)):
        if key in system.cannot:
            return system.cannot[key]
    return None
