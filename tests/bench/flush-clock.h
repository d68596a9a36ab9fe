/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Flush clock
 *
 * Preloaded into regentd it writes into the file $BENCH_FLUSH_CLOCK when the last flush ended. With $BENCH_FLUSH_USEC
 * each takes so much longer, so that regentd leaves them to its thread.
 */

#include <stdint.h>

typedef struct FlushClock {
        uint64_t end_nsec; /* CLOCK_MONOTONIC */
} FlushClock;
