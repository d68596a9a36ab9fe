/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rule
 *
 * What a declaration says of one key, or of the keys that match a pattern. Whoever makes it fills
 * it in; from then on it does not change.
 */

#include "core/entry.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Rule {
        char *name;                /* a key or, with '*' or '?' in it, a pattern */
        char *type;                /* of the value; NULL: any */
        GVariant *minimum;         /* of that type; NULL: none */
        GVariant *maximum;         /* likewise */
        GVariant *allowed;         /* an array of that type; NULL: all */
        GHashTable *allowed_bytes; /* owned GBytes: its elements in serialized form */
        char *allowed_shown;       /* its text, cut short */
        uint64_t length_minimum;   /* bytes of a string, elements of an array */
        uint64_t length_maximum;   /* UINT64_MAX: any */
        bool is_locked;            /* only uid 0 sets or deletes it */
        bool is_write_once;        /* what has been set stays; but uid 0 may delete it */
        Entry *fallback;           /* what the key gives while it is not set; NULL: nothing */
} Rule;

Rule *rule_new(const char *name);
Rule *rule_free(Rule *rule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rule, rule_free)

/* Takes a reference to @allowed. */
void rule_set_allowed(Rule *rule, GVariant *allowed);

bool rule_is_pattern(const Rule *rule);
bool rule_matches(const Rule *rule, const char *key);

/* Where a change breaks a rule. */
typedef struct RuleBreach {
        const char *setting; /* as it is called in the file */
        char *why;           /* owned: what the key must be */
} RuleBreach;

void rule_breach_clear(RuleBreach *breach);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RuleBreach, rule_breach_clear)

/*
 * Whether @entry holds what the rule allows: 0, or CORE_E_INVALID_VALUE with @reterr_breach, which may
 * be NULL.
 */
int rule_check_value(const Rule *rule, Entry *entry, RuleBreach *reterr_breach);

/*
 * Whether @uid may put @wanted, or with a tombstone nothing, in place of @present, which may be
 * NULL and is not the same. As above.
 */
int rule_check_change(const Rule *rule,
                      Entry *wanted,
                      const Entry *present,
                      uint32_t uid,
                      RuleBreach *reterr_breach);
