/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Last known good
 *
 * MarkGood and Restore of the Manager. Both have something read or written in the background first,
 * one of them at a time: their call is parked until that is done, and then entered again.
 */

#include "bus/bus-service.h"

typedef struct GoodJob GoodJob;

int good_method_mark(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int good_method_restore(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/* The call that @job (NULL: none) was for has ended. */
void good_job_release(GoodJob *job);

/* At the end of the service: nothing will call back any more. */
GoodJob *good_job_free(GoodJob *job);
