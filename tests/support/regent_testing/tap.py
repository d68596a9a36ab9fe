# SPDX-License-Identifier: LGPL-2.1-or-later
"""pytest speaking TAP, which is how meson learns of single test cases: --tap."""

import os
import sys

import pytest


def pytest_addoption(parser):
    parser.addoption("--tap", action="store_true", help="print results as TAP, and nothing else")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    if config.getoption("tap"):
        terminal = config.pluginmanager.getplugin("terminalreporter")
        if terminal:
            config.pluginmanager.unregister(terminal)
        config.pluginmanager.register(_Tap(config), "regent-tap")


class _Tap:
    def __init__(self, config):
        self._config = config
        self._n_reported = 0
        self._out = sys.stdout

    def pytest_collection_finish(self, session):
        self._print(f"1..{len(session.items)}")

    def pytest_collectreport(self, report):
        if report.failed:
            self._print(f"Bail out! {report.nodeid} cannot be collected")
            self._explain(report)

    def pytest_runtest_logreport(self, report):
        if report.when == "setup" and report.skipped:
            self._result("ok", report, " # SKIP " + _one_line(report.longrepr[2]))
        elif report.when == "setup" and report.failed:
            self._result("not ok", report)
        elif report.when == "call":
            self._on_call(report)
        elif report.when == "teardown" and report.failed:
            # Its result has been printed: an error after it fails the suite by the exit status.
            self._print(f"# {report.nodeid}: failed while it was taken down")
            self._explain(report)

    def _on_call(self, report):
        if report.skipped and hasattr(report, "wasxfail"):
            self._result("not ok", report, " # TODO " + _one_line(report.wasxfail))
        elif report.skipped:
            self._result("ok", report, " # SKIP " + _one_line(report.longrepr[2]))
        else:
            self._result("ok" if report.passed else "not ok", report)

    def _result(self, outcome, report, directive=""):
        self._n_reported += 1
        file, _, test = report.nodeid.partition("::")
        name = f"{os.path.basename(file)}::{test}".replace("#", "%").replace("\n", " ")
        self._print(f"{outcome} {self._n_reported} {name}{directive}")
        if outcome == "not ok":
            self._explain(report)

    def _explain(self, report):
        for line in str(report.longreprtext).splitlines():
            self._print("# " + line)
        for title, content in report.sections:
            self._print(f"# --- {title}")
            for line in content.splitlines():
                self._print("# " + line)

    def _print(self, line):
        print(line, file=self._out, flush=True)


def _one_line(text):
    return str(text).replace("\n", " ").removeprefix("Skipped: ")
