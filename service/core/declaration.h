/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declaration
 *
 * What a file says of a namespace: who may do what with it, and a rule for each key that it names.
 * Once it is complete it never changes; a reload puts another in its place.
 *
 * References are counted without atomics: only the thread of the event loop may touch them.
 */

#include "core/access.h"
#include "core/rule.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Declaration {
        uint32_t n_refs;
        char *path;     /* of the file */
        char *checksum; /* of what it holds */
        NamespaceAccess access;
        AccessFields access_fields; /* that the file names; others may be changed */
        GHashTable *rules;          /* key (in the rule) -> owned Rule */
        GPtrArray *patterns;        /* owned Rule; the first that matches counts */
        GPtrArray *fallbacks;       /* borrowed Entry, in the order of their keys */
} Declaration;

Declaration *declaration_new(const char *path, const char *checksum);
Declaration *declaration_ref(Declaration *declaration);
Declaration *declaration_unref(Declaration *declaration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Declaration, declaration_unref)

/* Takes @rule. The name of a rule can be added once. */
void declaration_add_rule(Declaration *declaration, Rule *rule);

/* The rule of that name, itself a pattern or not; NULL when there is none. */
const Rule *declaration_rule_named(const Declaration *declaration, const char *name);

/* To be called when all rules have been added. */
void declaration_complete(Declaration *declaration);

/* The one rule that holds for @key: its own, or the first pattern that matches. NULL: none. */
const Rule *declaration_rule(const Declaration *declaration, const char *key);

/* What @key gives while it is not set; borrowed, NULL: nothing. Its revision is 0. */
Entry *declaration_fallback(const Declaration *declaration, const char *key);

/* The index in fallbacks of the first whose key is @key's or, with @is_after, comes after it. */
guint declaration_first_fallback(const Declaration *declaration, const char *key, bool is_after);

/*
 * A checksum of all the defaults, owned: the same as long as they are. "-" when there are none, as in
 * NULL.
 */
char *declaration_fallbacks_checksum(const Declaration *declaration);

/* Whether @access is what the file says, as far as it says anything. */
bool declaration_has_access(const Declaration *declaration, const NamespaceAccess *access);

/* Whether both say the same, as far as that can be told without looking at each rule. */
bool declaration_equal(const Declaration *a, const Declaration *b);
