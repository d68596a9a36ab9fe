/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Offline
 *
 * regent-store, the program beside regentd that works on state directories, and what it says; see
 * client/regent-store-stream.h.
 */

#include "context.h"

#include <glib.h>
#include <json-c/json.h>

typedef struct Offline Offline;

/*
 * Starts it with @verb, --state-dir= and --runtime-dir= of the options, and @arguments (may be NULL).
 * EXIT_USAGE with --host=: it works on this machine.
 */
gboolean offline_start(Context *context,
                       const char *verb,
                       const char *const *arguments,
                       Offline **ret_offline,
                       Failure **reterr);

/* Ends it if need be. */
Offline *offline_free(Offline *offline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Offline, offline_free)

/* The next message, waited for. What it failed with is the failure here; so is an end. */
gboolean offline_get(Offline *offline, char **ret_name, GVariant **ret_body, Failure **reterr);

/* The next message, which is to be @name. */
gboolean offline_get_one(Offline *offline,
                         const char *name,
                         const char *type,
                         GVariant **ret_body,
                         Failure **reterr);

/*
 * Sends a message; @body is consumed if floating. It goes out at the latest with the next
 * offline_get(). When nobody takes it, that says why.
 */
void offline_put(Offline *offline, const char *name, GVariant *body);

/* An a{sv} of numbers, strings and booleans as an object, its members in the order of their names. */
json_object *offline_facts_to_json(GVariant *facts);
