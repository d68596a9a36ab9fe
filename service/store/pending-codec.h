/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pending codec
 *
 * A change that waits for a confirmation, as journals and checkpoints hold it. Revision and writer
 * stand elsewhere.
 *
 *     deadline         of CLOCK_BOOTTIME, microseconds
 *     boot             its id, 16 bytes
 *     digest           of the token, 32 bytes
 *     n namespaces, each: name, n entries as store/entry-codec.h says: what they were before, and a
 *                         tombstone where the key was not set
 */

#include "core/pending-change.h"
#include "store/codec.h"

void pending_codec_put(CodecBuffer *buffer, const PendingChange *change);

/* 0 or -EBADMSG. */
int pending_codec_get(PendingChange **ret_change,
                      CodecReader *reader,
                      uint64_t revision,
                      uint32_t writer_uid);
