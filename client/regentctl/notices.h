/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Notices
 *
 * What signals said of keys, queued until there is time for it.
 */

#include <glib.h>

typedef struct Notice {
        char *ns_name;
        GHashTable *changed; /* char * -> GVariant */
        GHashTable *read;    /* set of char *: to be read again */
} Notice;

typedef struct Notices Notices;

Notices *notices_new(void);
Notices *notices_free(Notices *notices);
Notice *notice_free(Notice *notice);

/* As PropertiesChanged has it: an a{sv}, and keys that are to be read. */
void notices_add(Notices *notices,
                 const char *ns_name,
                 GVariant *changed,
                 const char *const *invalidated);

/* The oldest, or NULL. */
Notice *notices_pop(Notices *notices);

/* What they say of a key is known to be old. */
void notices_forget(Notices *notices, const char *ns_name, const char *key);

/* What they say of the keys of a namespace may be old: all of these are to be read. */
void notices_distrust(Notices *notices, const char *ns_name);
