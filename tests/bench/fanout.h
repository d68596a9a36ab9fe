/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Fan-out
 *
 * How fast many connections are told of one change after the other: by regentd's watches, by a
 * signal that one program broadcasts at each call, and by as many signals as there are receivers.
 */

#include <stdint.h>

typedef enum FanoutKind {
        FANOUT_WATCH,
        FANOUT_BROADCAST,
        FANOUT_UNICAST,
        _FANOUT_KIND_MAX,
} FanoutKind;

/*
 * Makes @n_changes of @n_bytes in @ns_name, which is there, and prints as one JSON object how many of them
 * a second came to all of @n_receivers, for each kind. 0 or a negative errno.
 */
int fanout_run(const char *address,
               const char *ns_name,
               uint32_t n_receivers,
               uint32_t n_changes,
               uint32_t n_bytes);
