/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Quick replies
 *
 * Those to the quick calls of a batch: what goes to the same channel is sent together, for it wakes its client.
 */

#include "core/pipeline.h"

#include <glib.h>

typedef struct Call Call;
typedef struct QuickReplies QuickReplies;

QuickReplies *quick_replies_new(void);
QuickReplies *quick_replies_free(QuickReplies *replies);

/* @call, which it takes, is done, and is told so by quick_replies_send(), soon. */
void quick_replies_add(QuickReplies *replies, Call *call);

/* Sends all of them. */
void quick_replies_send(QuickReplies *replies);
