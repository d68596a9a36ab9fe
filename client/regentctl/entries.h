/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entries
 *
 * Reads many keys of a namespace with their values, a page at a time, so that no reply grows too
 * large.
 */

#include "bus.h"

typedef struct EntriesQuery {
        const char *ns_name;
        const char *prefix; /* NULL: all keys */
        const char *only; /* "set": without defaults, "changed": what differs from them, or NULL */
        const char *release; /* entries of that kernel release, "": of none; NULL: what is seen */
        bool has_details;    /* form=entries: each value is an a{sv} of value, revision and class */
} EntriesQuery;

/*
 * Called for every key, in order. @value is borrowed. Returns false with a Failure to end.
 */
typedef gboolean (*EntriesOnEntry)(const char *key,
                                   GVariant *value,
                                   void *userdata,
                                   Failure **reterr);

/*
 * Calls @on_entry for all keys. @ret_revision, which may be NULL, is the service's of the first page; what was
 * changed meanwhile may be seen in later pages, which *@ret_is_torn tells (may be NULL, too).
 */
gboolean entries_read(Bus *bus,
                      const EntriesQuery *query,
                      EntriesOnEntry on_entry,
                      void *userdata,
                      uint64_t *ret_revision,
                      bool *ret_is_torn,
                      Failure **reterr);
