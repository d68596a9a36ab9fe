# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where things are: the tree, the built programs, scratch directories, the sandbox."""

import atexit
import functools
import os
import pwd
import shutil
import tempfile

from .names import GROUPS, USERS


# A command with /etc, /usr/lib and /run of its own, with what the test wrote below $1; 77 where that cannot be.
OWN_DIRECTORIES = """
where=$1; shift
mount -t tmpfs regent-test /run && mkdir -p /run/regent && cp -a "$where/run/." /run/ &&
for directory in etc usr/lib; do
        mkdir -p "$where/scratch/$directory" &&
        mount -t overlay regent-test "/$directory" \
                -o "lowerdir=/$directory,upperdir=$where/$directory,workdir=$where/scratch/$directory" || exit 77
done
exec "$@"
"""


def source_root():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(here)))


def regentd_program():
    """The regentd under test: $REGENTD, or the one in build/ of the tree."""
    program = os.environ.get("REGENTD") or os.path.join(
        source_root(), "build", "service", "regentd"
    )
    if not os.access(program, os.X_OK):
        raise FileNotFoundError(f"{program}: not built (set REGENTD, or build into build/)")
    return os.path.abspath(program)


def regentctl_program():
    """$REGENTCTL, or the regentctl that was built together with the regentd under test."""
    build = os.path.dirname(os.path.dirname(regentd_program()))
    program = os.environ.get("REGENTCTL") or os.path.join(build, "client", "regentctl", "regentctl")
    if not os.access(program, os.X_OK):
        raise FileNotFoundError(f"{program}: not built (set REGENTCTL)")
    return os.path.abspath(program)


def programs_path():
    """$PATH with regentctl and regentd in front, where every user can run them."""
    programs = [os.path.dirname(reachable(each)) for each in (regentctl_program(), regentd_program())]
    return ":".join([*programs, os.environ.get("PATH", "/usr/bin:/bin")])


def is_root():
    """Whether this is root over all users, not only uid 0 alone in a user namespace."""
    with open("/proc/self/uid_map", encoding="utf-8") as file:
        n_uids = sum(int(line.split()[2]) for line in file)
    return os.geteuid() == 0 and n_uids > 1


def in_sandbox():
    """Whether the test users exist, and polkit's directories are ours to write."""
    return os.environ.get("REGENT_SANDBOX") == "1"


def without_sandbox():
    """The reason to skip what needs several users or polkit, or None."""
    if in_sandbox():
        return None
    return "needs root and mount namespaces: run through tests/support/sandbox"


@functools.cache
def reachable(path):
    """path, or, when other users cannot get there, a copy where they can: the tree may be below a closed home."""
    if _is_open(path):
        return path
    copies = make_scratch()
    atexit.register(remove_scratch, copies)
    copy = os.path.join(copies, os.path.basename(path))
    if os.path.isdir(path):
        shutil.copytree(path, copy, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(path, copy)
    for directory, _, files in os.walk(copies):
        os.chmod(directory, 0o755)
        for name in files:
            os.chmod(os.path.join(directory, name), 0o755)
    return copy


def _is_open(path):
    files = [path]
    if os.path.isdir(path):
        files += [os.path.join(path, name) for name in os.listdir(path)]
    if not all(os.stat(each).st_mode & 0o004 for each in files):
        return False
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & 0o001:
            return False
    return True


def support_directory():
    """Where regent_testing is, for a program of another user."""
    return reachable(os.path.join(source_root(), "tests", "support"))


def make_shared_directory(path, user=None):
    """A directory that every user may enter, created when absent, given to user when named."""
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o755)
    if user is not None:
        uid, gid, _ = ids_of(user)
        os.chown(path, uid, gid)
    return path


def make_scratch():
    """A new directory on disk, not in memory where that can be avoided: durability is part of what is tested."""
    base = os.environ.get("REGENT_TEST_SCRATCH") or "/var/tmp"
    path = tempfile.mkdtemp(prefix="regent-", dir=base)
    os.chmod(path, 0o755)
    return path


def remove_scratch(path):
    shutil.rmtree(path, ignore_errors=True)


def ids_of(user):
    """uid, gid and supplementary gids of a user, by name or as the present /etc/passwd and /etc/group say."""
    if user in USERS:
        uid, gid, groups = USERS[user]
        return uid, gid, list(groups)
    entry = pwd.getpwnam(user)
    groups = [gid for gid in os.getgrouplist(user, entry.pw_gid) if gid != entry.pw_gid]
    return entry.pw_uid, entry.pw_gid, groups


def set_group_members(group, members):
    """Edits /etc/group in place, as the sandbox allows. One write, so that no reader sees half of it."""
    assert in_sandbox(), "refusing to edit the machine's own /etc/group"
    line = f"{group}:x:{GROUPS[group]}:{','.join(members)}"
    with open("/etc/group", "r+", encoding="utf-8") as file:
        lines = [
            line if old.startswith(group + ":") else old for old in file.read().splitlines()
        ]
        text = ("\n".join(lines) + "\n").encode()
        os.pwrite(file.fileno(), text, 0)
        os.ftruncate(file.fileno(), len(text))
