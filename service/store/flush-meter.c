/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flush meter
 */

#include "store/flush-meter.h"

#include <glib.h>

#define SAMPLES_MIN     16u
#define MEAN_USEC_MAX   200u
#define SINGLE_USEC_MAX 2000u

static uint32_t find_worst(const FlushMeter *meter)
{
        uint32_t worst = 0;

        for (size_t i = 0; i < meter->n_samples; i++)
                worst = MAX(worst, meter->usec[i]);

        return worst;
}

void flush_meter_add(FlushMeter *meter, uint64_t usec)
{
        uint32_t *slot = &meter->usec[meter->next];
        uint32_t leaving = meter->n_samples == FLUSH_METER_SAMPLES ? *slot : 0;

        *slot = (uint32_t) MIN(usec, UINT32_MAX);
        meter->sum_usec += *slot;
        meter->sum_usec -= leaving;
        meter->next = (meter->next + 1) % FLUSH_METER_SAMPLES;
        meter->n_samples = MIN(meter->n_samples + 1, (size_t) FLUSH_METER_SAMPLES);

        if (*slot >= meter->worst_usec)
                meter->worst_usec = *slot;
        else if (leaving == meter->worst_usec)
                meter->worst_usec = find_worst(meter);
}

double flush_meter_mean_usec(const FlushMeter *meter)
{
        return meter->n_samples > 0 ? (double) meter->sum_usec / (double) meter->n_samples : 0;
}

bool flush_meter_is_quick(const FlushMeter *meter)
{
        return meter->n_samples >= SAMPLES_MIN &&
               meter->sum_usec < (uint64_t) MEAN_USEC_MAX * meter->n_samples &&
               meter->worst_usec < SINGLE_USEC_MAX;
}
