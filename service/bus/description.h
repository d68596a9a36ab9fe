/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Description
 *
 * What Describe says of a key: what is known of its entry, and what a declaration asks of it.
 */

#include "bus/bus-service.h"
#include "core/namespace.h"

#include <systemd/sd-bus.h>

/* What the a{sv} takes at most. */
uint64_t description_bytes(const BusService *service, const Namespace *ns, const char *key);

/* Appends it. @entry is what is read of @key; NULL when that is only declared. */
int description_append(sd_bus_message *reply,
                       const BusService *service,
                       const Namespace *ns,
                       const char *key,
                       Entry *entry);
