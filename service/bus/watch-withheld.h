/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Withheld watches
 *
 * Connections that left too much unread to be told of a change. They are asked now and then how far
 * they have read, and told to read again once they have.
 */

#include "bus/watches.h"

WithheldWatches *withheld_watches_new(BusService *service);
WithheldWatches *withheld_watches_free(WithheldWatches *withheld);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WithheldWatches, withheld_watches_free)

/* A watch of @watcher is WATCH_WITHHELD, or it has missed properties. */
void watch_withheld_add(const BusService *service, Watcher *watcher);

/* It has left, or has no watch any more. */
void watch_withheld_forget(BusService *service, Watcher *watcher);

/* From bus/flow.c: that connection has read something. */
void watch_withheld_note_read(BusService *service, const char *name);
