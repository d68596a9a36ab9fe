# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentd on another kernel, in another boot: see other-machine.c."""

import os
import subprocess
import uuid

_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "other-machine.c")


def build(directory):
    """Compiles what is preloaded, and returns its path."""
    library = os.path.join(str(directory), "other-machine.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl", "-lsystemd"], check=True)
    return library


def environ(library, release, syncs=None):
    """What Regentd is to be given as environ."""
    given = {
        "LD_PRELOAD": library,
        "REGENT_TEST_RELEASE": release,
        "REGENT_TEST_BOOT": uuid.uuid4().hex,
        "ASAN_OPTIONS": "verify_asan_link_order=0",
    }
    if syncs:
        given["REGENT_TEST_SYNCS"] = str(syncs)
    return given


def reboot(stack, release=None, kill=False):
    """Ends regentd and starts it in another boot, of the same kernel or of @release."""
    if kill:
        stack.regentd.kill()
    else:
        stack.regentd.stop()
    stack.regentd.environ["REGENT_TEST_BOOT"] = uuid.uuid4().hex
    if release:
        stack.regentd.environ["REGENT_TEST_RELEASE"] = release
    stack.regentd.start()
