/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flush meter
 *
 * What is measured holds the wait for a CPU afterwards too: on a busy machine of two cores with a
 * disk that flushes in 90 us, eight writers see a mean of 240 to 330 us, and one flush in a hundred
 * over 2 ms. That is still ten times quicker than any disk whose flushes take milliseconds, and in
 * the writer thread each would wait for a CPU twice more.
 */

#include "store/flush-meter.h"

#include <glib.h>

#define SAMPLES_MIN   16u
#define MEAN_USEC_MAX 400u
#define SLOW_USEC     2000u
#define SLOW_MAX      10u
#define STALL_USEC    20000u

static uint32_t slow(uint32_t usec)
{
        return usec >= SLOW_USEC;
}

static uint32_t stalled(uint32_t usec)
{
        return usec >= STALL_USEC;
}

void flush_meter_add(FlushMeter *meter, uint64_t usec)
{
        uint32_t *slot = &meter->usec[meter->next];
        uint32_t leaving = *slot; /* 0 before the ring is full */

        *slot = (uint32_t) MIN(usec, UINT32_MAX);
        meter->sum_usec += (uint64_t) *slot - leaving;
        meter->n_slow += slow(*slot) - slow(leaving);
        meter->n_stalls += stalled(*slot) - stalled(leaving);
        meter->next = (meter->next + 1) % FLUSH_METER_SAMPLES;
        meter->n_samples = MIN(meter->n_samples + 1, (size_t) FLUSH_METER_SAMPLES);
}

double flush_meter_mean_usec(const FlushMeter *meter)
{
        return meter->n_samples > 0 ? (double) meter->sum_usec / (double) meter->n_samples : 0;
}

bool flush_meter_is_quick(const FlushMeter *meter)
{
        return meter->n_samples >= SAMPLES_MIN && meter->n_stalls == 0 &&
               meter->n_slow <= SLOW_MAX &&
               meter->sum_usec < (uint64_t) MEAN_USEC_MAX * meter->n_samples;
}
