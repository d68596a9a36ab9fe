# SPDX-License-Identifier: LGPL-2.1-or-later
"""A router in C with sd-bus, and one as a shell script. Other languages are in tests/bindings."""

from regent_testing.router_cases import RouterCases, program_fixture, space  # pylint: disable=unused-import

program = program_fixture("examples", {"router.c": {}, "router.sh": {}})


class TestExamples(RouterCases):
    pass
