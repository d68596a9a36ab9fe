/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch outbox
 *
 * What the commits of one batch are told, put together by connection: whoever watches is woken once
 * for all of a batch and not at each commit. dbus-daemon, which wakes it, is what the rate of changes
 * that are watched hangs on.
 *
 * It is empty whenever the loop runs: who puts something in sees to it that it is flushed before
 * anything else is said to anybody who may watch.
 */

#include "bus/watches.h"

WatchOutbox *watch_outbox_new(BusService *service);
WatchOutbox *watch_outbox_free(WatchOutbox *outbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WatchOutbox, watch_outbox_free)

/* flow_admit_signal(), to which what is in here counts as sent. */
bool watch_outbox_admits(WatchOutbox *outbox, const Caller *caller, uint64_t n_bytes);

/* Takes a reference. @n_bytes: of what is told, as it was admitted. */
void watch_outbox_put(WatchOutbox *outbox, Watch *watch, sd_bus_message *m, uint64_t n_bytes);

/* Sends all: to one connection after the other, to each in the order it was put. */
void watch_outbox_flush(WatchOutbox *outbox);
