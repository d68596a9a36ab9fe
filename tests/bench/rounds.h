/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rounds
 *
 * Steps taken in turn, round after round, so that whatever else the machine does falls on all of
 * them alike. A step is one load, or several at the same time:
 *
 *     LABEL LOAD [+ LOAD]...
 *
 * in the words of a shell, a load as load.h has it. What was counted is printed as one JSON object.
 */

#include <stdint.h>

/* 0 or a negative errno; what was wrong is said on stderr. */
int rounds_run(char **texts, uint32_t n_rounds, uint64_t window_usec);
