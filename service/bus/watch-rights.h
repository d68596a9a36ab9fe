/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch rights
 *
 * Whether those who watch a namespace may still read it. Uid and mode decide at once. What polkit
 * granted is asked again, without a password, when polkit says that something has changed and once a
 * minute: one question for a connection and namespace, however many watches it has there. While it
 * is not known, nothing is told; when the answer is no, the watches end.
 */

#include "bus/watches.h"
#include "core/namespace.h"

typedef struct WatchRights WatchRights;

WatchRights *watch_rights_new(BusService *service);
WatchRights *watch_rights_free(WatchRights *rights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WatchRights, watch_rights_free)

/* @watcher has begun to watch @ns, which it may read. */
void watch_rights_note(BusService *service, Watcher *watcher, const Namespace *ns);

/* The access of @ns, whose topic is @topic, is another one. */
void watch_rights_review(BusService *service, const WatchTopic *topic, const Namespace *ns);

/* From bus/watches.c: @watcher has one watch less of that namespace, or none at all any more. */
void watch_rights_note_removed(BusService *service, Watcher *watcher, const char *name);
void watch_rights_forget(BusService *service, Watcher *watcher);
