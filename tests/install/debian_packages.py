# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian packages as files: how they are built, and what is in them."""

import glob
import os
import re
import shutil
import subprocess

from regent_testing import environment


def built(directory, version=None, **environ):
    """Builds the packages as data/debian/README.source says, in a copy of the tree. Their files, by package."""
    tree = os.path.join(directory, "regent")
    shutil.copytree(
        environment.source_root(), tree,
        ignore=shutil.ignore_patterns("build", ".git", "__pycache__"),
    )  # fmt: skip
    shutil.copytree(os.path.join(tree, "data", "debian"), os.path.join(tree, "debian"))
    if version:
        changelog = os.path.join(tree, "debian", "changelog")
        with open(changelog, encoding="utf-8") as file:
            text = re.sub(r"\(.*?\)", f"({version})", file.read(), count=1)
        with open(changelog, "w", encoding="utf-8") as file:
            file.write(text)
    log_path = os.path.join(directory, "build.log")
    with open(log_path, "wb") as log:
        status = subprocess.run(
            ["dpkg-buildpackage", "-us", "-uc", "-b"],
            cwd=tree, env={**os.environ, **environ}, stdout=log, stderr=log, check=False,
        ).returncode  # fmt: skip
    with open(log_path, encoding="utf-8", errors="replace") as log:
        assert status == 0, log.read()[-5000:]
    return {os.path.basename(path).split("_")[0]: path for path in glob.glob(directory + "/*.deb")}


def contents(package):
    listing = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True)
    return {line.split()[5].removeprefix(".") for line in listing.stdout.splitlines()}


def architecture(variable):
    return subprocess.run(
        ["dpkg-architecture", "-q" + variable], capture_output=True, text=True, check=True
    ).stdout.strip()


def machine_triplet():
    return architecture("DEB_HOST_GNU_TYPE")


def library_triplet():
    return architecture("DEB_HOST_MULTIARCH")
