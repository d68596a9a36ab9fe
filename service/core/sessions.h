/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sessions
 *
 * What each session has in all namespaces, so that its end costs what it wrote; and which have ended of
 * those that a way back still names, so that it does not bring their entries back. Part of the state.
 * It follows from entries and pending changes, but for who has ended: a start finds that out again.
 */

#include "core/entry.h"
#include "core/pending-change.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Sessions Sessions;

Sessions *sessions_new(void);
Sessions *sessions_free(Sessions *sessions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sessions, sessions_free)

/* For State alone. @entry, borrowed, is or was part of namespace @name; any class but session is passed over. */
void sessions_add(Sessions *sessions, const char *name, Entry *entry);
void sessions_remove(Sessions *sessions, const char *name, const Entry *entry);

/* Of all that sessions have in it. */
void sessions_remove_namespace(Sessions *sessions, const char *name);

/* Whom the ways back of @change name. */
void sessions_add_ways_back(Sessions *sessions, const PendingChange *change);
void sessions_remove_ways_back(Sessions *sessions, const PendingChange *change);

/* Whether anything is, or may come back, of @session. */
bool sessions_has(const Sessions *sessions, const char *session);

uint64_t sessions_n_keys(const Sessions *sessions, const char *session);

/* Of all sessions together, and how many have any. */
uint64_t sessions_n_keys_of_all(const Sessions *sessions);
uint64_t sessions_count(const Sessions *sessions);

/* All that sessions_has() is true of, in no order; owned, the names borrowed. */
GPtrArray *sessions_list(const Sessions *sessions);

/* @session has ended: ways back do not lead to it any more. One of which there is nothing is passed over. */
void sessions_mark_gone(Sessions *sessions, const char *session);
bool sessions_is_gone(const Sessions *sessions, const char *session);

/* Each entry of @session, in the order of namespaces and keys; nothing may change meanwhile. */
typedef void (*SessionsOnEntry)(void *userdata, const char *name, Entry *entry);
void sessions_walk(const Sessions *sessions,
                   const char *session,
                   SessionsOnEntry on_entry,
                   void *userdata);
