/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes
 *
 * Namespace.GetChanges: what is different now from what one read at an earlier revision.
 */

#include "bus/authorizer.h"

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* The method handler. */
int changes_get(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/*
 * Whether it is known what has changed in @ns since @since of @epoch (NULL: of the present one). 0, or
 * refused with HistoryLost.
 */
int changes_check(const BusService *service,
                  const Namespace *ns,
                  uint64_t since,
                  const char *epoch,
                  sd_bus_error *reterr_bus);

/* All zero before; everything is borrowed from the state, and holds until that changes. */
typedef struct Changes {
        GPtrArray *changed; /* Entry */
        GPtrArray *removed; /* keys */
        uint64_t n_bytes;   /* of both in a message */
        uint64_t n_bytes_max;
} Changes;

/* What has changed below @prefix. 0, or refused when it is more than a reply may have. */
int changes_collect(Changes *changes,
                    const BusService *service,
                    sd_bus_message *m,
                    Namespace *ns,
                    const char *prefix,
                    uint64_t since,
                    sd_bus_error *reterr_bus);

/* Appends an a{sv} and an as. */
int changes_append(const Changes *changes, sd_bus_message *m);

void changes_clear(Changes *changes);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Changes, changes_clear)
