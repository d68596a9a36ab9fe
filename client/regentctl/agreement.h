/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Agreement
 *
 * A change that a participant has agreed to, or given up half-way, and has not heard the end of.
 */

#include <glib.h>

#include <stdbool.h>

typedef struct Agreement {
        char *ns_name;
        GVariant *set;   /* a{sv} */
        GVariant *unset; /* as */
} Agreement;

Agreement *agreement_new(const char *ns_name, GVariant *set, GVariant *unset);
Agreement *agreement_free(Agreement *agreement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Agreement, agreement_free)

/* Text -> owned Agreement. */
GHashTable *agreement_table_new(void);

/* Whether @values (a{sv}), of its keys at least, are what it comes to. */
bool agreement_is_made(const Agreement *agreement, GVariant *values);
