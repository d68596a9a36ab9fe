/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Fingerprints
 *
 * Remembers of each key which value it had, without holding the value: enough to tell what differs.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Fingerprints Fingerprints;

Fingerprints *fingerprints_new(void);
Fingerprints *fingerprints_free(Fingerprints *fingerprints);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fingerprints, fingerprints_free)

/* Notes that @key has @value now; whether that is news. */
bool fingerprints_set(Fingerprints *fingerprints, const char *key, GVariant *value);

/* Notes that @key is gone; whether that is news. */
bool fingerprints_unset(Fingerprints *fingerprints, const char *key);

/*
 * Between the two calls all keys are set anew. Those that were not are gone then; their names, in order, are returned.
 */
void fingerprints_begin(Fingerprints *fingerprints);
GPtrArray *fingerprints_end(Fingerprints *fingerprints);
