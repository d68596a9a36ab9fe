/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * OpenView
 *
 * Gives whoever may read a namespace its view, and has those wait for whom one must be filled first.
 */

#include "bus/bus-service.h"

#include <systemd/sd-bus.h>

typedef struct OpenViews OpenViews;
typedef struct ViewWait ViewWait;

OpenViews *open_views_new(BusService *service);
OpenViews *open_views_free(OpenViews *open_views);

/* Namespace.OpenView */
int open_view_method(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/* Those who wait for a view of @name ask again. */
void open_views_ready(OpenViews *open_views, const char *name);

/* From bus/call.c: the call that waits is over. @wait may be NULL. */
void view_wait_release(ViewWait *wait);
