/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Write result
 *
 * The reply of both Apply methods: the revision, and an a{sv} that counts what changed and, in a
 * dry run, names it.
 */

#include "bus/write.h"
#include "wire/frame.h"

int write_reply_result(sd_bus_message *reply, const Settlement *settlement);
/* What is in the a{sv} of one that is no dry run, and not to be confirmed. */
void write_result_put(WireBytes *reply, const Settlement *settlement);

int write_reply_result_many(sd_bus_message *reply, const Settlement *settlement);
