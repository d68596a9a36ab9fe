# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules for polkit, and a namespace that nobody but its owner and group may use without one."""

import pytest

CACHE_SECONDS = 5  # how long regentd may go on with a yes when polkit says nothing
SLOW = 'polkit.spawn(["/bin/sleep", "2"]);'


def rule(body):
    """A rule about Regent's actions; body sees action, subject, ns, verb and what kind of action it is."""
    return """
    polkit.addRule(function(action, subject) {
        var prefix = "org.regentd.state1.";
        if (action.id.indexOf(prefix) != 0)
            return polkit.Result.NOT_HANDLED;
        var kind = action.id.substring(prefix.length);
        var ns = action.lookup("namespace"), verb = action.lookup("verb");
        %s
        return polkit.Result.NOT_HANDLED;
    });
    """ % body  # fmt: skip


def yes_if(condition):
    return rule(f"if ({condition}) return polkit.Result.YES;")


def no_if(condition):
    return rule(f"if ({condition}) return polkit.Result.NO;")


@pytest.fixture
def secret(root, name):
    """alice's, of group operators, closed to others."""
    made = root.create(name, owner=4001, group=4100, mode=0o640)
    made.set("a", 1)
    return made
