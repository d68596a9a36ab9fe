/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Write result
 *
 * The reply of both Apply methods: the revision, and an a{sv} that counts what changed and, in a
 * dry run, names it.
 */

#include "bus/write.h"

int write_reply_result(sd_bus_message *reply, const Settlement *settlement);
/* "changed" and "removed" of that. */
void write_result_count(const Settlement *settlement,
                        uint32_t *ret_n_changed,
                        uint32_t *ret_n_removed);

int write_reply_result_many(sd_bus_message *reply, const Settlement *settlement);
