# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts regentd again whenever it ends, as systemd does."""

import contextlib
import threading


@contextlib.contextmanager
def revived(regentd):
    """While it lasts, regentd is started again; it is up at the end, too. A death in between is its user's doing."""
    is_over = threading.Event()
    lock = threading.Lock()

    def revive():
        while True:
            regentd.process.wait()
            with lock:
                if is_over.is_set():
                    return
                regentd.spawn()

    watcher = threading.Thread(target=revive)
    watcher.start()
    try:
        yield
    finally:
        with lock:
            is_over.set()
            regentd.process.terminate()
        watcher.join(timeout=30)
        status = regentd.process.returncode
        regentd.process = None
        assert status == 0, regentd.log()
