/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Flush meter
 *
 * How long the last thousand flushes took that were small enough for the event loop to wait for:
 * whether it may do so, which
 * saves two wake-ups across cores.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLUSH_METER_SAMPLES 1000u

typedef struct FlushMeter {
        uint32_t usec[FLUSH_METER_SAMPLES]; /* a ring */
        size_t n_samples;
        size_t next;
        uint64_t sum_usec;
        uint32_t n_slow;   /* of the ring: 2 ms and more */
        uint32_t n_stalls; /* of the ring: 20 ms and more */
} FlushMeter;

void flush_meter_add(FlushMeter *meter, uint64_t usec);
double flush_meter_mean_usec(const FlushMeter *meter);

/*
 * The mean is below 400 us, at most ten took 2 ms, none took 20 ms, and there were some to tell it
 * by.
 */
bool flush_meter_is_quick(const FlushMeter *meter);
