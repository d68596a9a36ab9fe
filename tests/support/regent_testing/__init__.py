# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Python tests run against: a private system bus, polkitd, regentd, and callers of several kinds.

bus.DBusDaemon, polkit.Polkitd and service.Regentd are the programs; stack.Stack holds the three. client.Client calls
from this process, user_client.UserClient from a process under another uid, wire.RawClient speaks D-Bus by hand and may
send what no library would. Nothing waits without a bound (waiting.py), and nothing sleeps.
"""
