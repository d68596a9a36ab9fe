/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rule
 */

#include "core/rule.h"

#include "core/outcome.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Of the values that are allowed, so much is shown. */
#define SHOWN_BYTES_MAX 160u

static void bytes_free(gpointer bytes)
{
        g_bytes_unref(bytes);
}

Rule *rule_new(const char *name)
{
        Rule *rule = g_new(Rule, 1);

        *rule = (Rule){ .name = g_strdup(name), .length_maximum = UINT64_MAX };
        return rule;
}

Rule *rule_free(Rule *rule)
{
        if (!rule)
                return NULL;

        g_clear_pointer(&rule->minimum, g_variant_unref);
        g_clear_pointer(&rule->maximum, g_variant_unref);
        g_clear_pointer(&rule->allowed, g_variant_unref);
        g_clear_pointer(&rule->allowed_bytes, g_hash_table_unref);
        entry_unref(rule->fallback);
        g_free(rule->allowed_shown);
        g_free(rule->type);
        g_free(rule->name);
        g_free(rule);
        return NULL;
}

static char *show(GVariant *value)
{
        g_autofree char *text = g_variant_print(value, FALSE);

        if (strlen(text) > SHOWN_BYTES_MAX) {
                char *end = g_utf8_find_prev_char(text, text + SHOWN_BYTES_MAX);

                *end = '\0';
                return g_strconcat(text, "...", NULL);
        }
        return g_steal_pointer(&text);
}

void rule_set_allowed(Rule *rule, GVariant *allowed)
{
        size_t n = g_variant_n_children(allowed);

        g_assert(!rule->allowed);

        rule->allowed = g_variant_ref(allowed);
        rule->allowed_shown = show(allowed);
        rule->allowed_bytes = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, bytes_free, NULL);
        for (size_t i = 0; i < n; i++) {
                g_autoptr(GVariant) value = g_variant_get_child_value(allowed, i);

                g_hash_table_add(rule->allowed_bytes, g_variant_get_data_as_bytes(value));
        }
}

bool rule_is_pattern(const Rule *rule)
{
        return strpbrk(rule->name, "*?") != NULL;
}

/*
 * '*' is any run of characters and '?' any one. Only the last '*' is ever tried anew: what an
 * earlier one took shorter would leave no less for those behind it. So this takes no more than the
 * product of both lengths, whatever the key.
 */
static bool pattern_matches(const char *pattern, const char *key)
{
        const char *star = NULL, *resume = NULL;

        while (*key) {
                if (*pattern == '*') {
                        star = pattern++;
                        resume = key;
                } else if (*pattern == '?' || *pattern == *key) {
                        pattern++;
                        key++;
                } else if (star) {
                        pattern = star + 1;
                        key = ++resume;
                } else
                        return false;
        }

        return pattern[strspn(pattern, "*")] == '\0';
}

bool rule_matches(const Rule *rule, const char *key)
{
        return pattern_matches(rule->name, key);
}

void rule_breach_clear(RuleBreach *breach)
{
        g_clear_pointer(&breach->why, g_free);
}

G_GNUC_PRINTF(3, 4)
static int refuse(RuleBreach *breach, const char *setting, const char *format, ...)
{
        va_list arguments;

        if (!breach)
                return CORE_E_INVALID_VALUE;

        va_start(arguments, format);
        *breach = (RuleBreach){ setting, g_strdup_vprintf(format, arguments) };
        va_end(arguments);
        return CORE_E_INVALID_VALUE;
}

static bool is_nan(GVariant *value)
{
        return g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE) &&
               isnan(g_variant_get_double(value));
}

static int check_range(const Rule *rule, GVariant *value, RuleBreach *breach)
{
        g_autofree char *bound = NULL;

        if (rule->minimum && (is_nan(value) || g_variant_compare(value, rule->minimum) < 0)) {
                bound = show(rule->minimum);
                return refuse(breach, "Minimum", "must be at least %s", bound);
        }
        if (rule->maximum && (is_nan(value) || g_variant_compare(value, rule->maximum) > 0)) {
                bound = show(rule->maximum);
                return refuse(breach, "Maximum", "must be at most %s", bound);
        }
        return 0;
}

static int check_length(const Rule *rule, GVariant *value, RuleBreach *breach)
{
        bool is_array = g_variant_is_container(value);
        const char *unit = is_array ? "elements" : "bytes";
        uint64_t length;

        if (rule->length_minimum == 0 && rule->length_maximum == UINT64_MAX)
                return 0;

        /* Of a string the final NUL is part of the serialized form. */
        length = is_array ? g_variant_n_children(value) : g_variant_get_size(value) - 1;
        if (length < rule->length_minimum)
                return refuse(breach, "LengthMinimum",
                              "must have at least %" PRIu64 " %s, not %" PRIu64,
                              rule->length_minimum, unit, length);
        if (length > rule->length_maximum)
                return refuse(breach, "LengthMaximum",
                              "must have at most %" PRIu64 " %s, not %" PRIu64,
                              rule->length_maximum, unit, length);
        return 0;
}

static bool is_allowed(const Rule *rule, const Entry *entry)
{
        g_autoptr(GBytes) bytes = g_bytes_new_static(entry_value_bytes(entry), entry->value_bytes);

        return g_hash_table_contains(rule->allowed_bytes, bytes);
}

int rule_check_value(const Rule *rule, Entry *entry, RuleBreach *reterr_breach)
{
        g_autoptr(GVariant) value = NULL;
        int r;

        if (!rule->type)
                return 0;
        if (strcmp(rule->type, entry_type(entry)) != 0)
                return refuse(reterr_breach, "Type", "must be of type %s, not %s", rule->type,
                              entry_type(entry));

        value = entry_value(entry);
        r = check_range(rule, value, reterr_breach);
        if (r != 0)
                return r;

        r = check_length(rule, value, reterr_breach);
        if (r != 0)
                return r;

        if (rule->allowed && !is_allowed(rule, entry))
                return refuse(reterr_breach, "Allowed", "must be one of %s", rule->allowed_shown);
        return 0;
}

int rule_check_change(const Rule *rule,
                      Entry *wanted,
                      const Entry *present,
                      uint32_t uid,
                      RuleBreach *reterr_breach)
{
        if (rule->is_locked && uid != 0)
                return refuse(reterr_breach, "Locked", "is locked: only root may change it");
        if (rule->is_write_once && !entry_is_tombstone(wanted) && wanted->class != ENTRY_PERSISTENT)
                return refuse(reterr_breach, "WriteOnce",
                              "is set once for all, and cannot be of class %s",
                              entry_class_name((EntryClass) wanted->class));
        if (rule->is_write_once && present && !entry_is_tombstone(wanted))
                return refuse(reterr_breach, "WriteOnce", "has been set, and can be set only once");
        if (rule->is_write_once && present && uid != 0)
                return refuse(reterr_breach, "WriteOnce",
                              "has been set once for all: only root may delete it");

        return entry_is_tombstone(wanted) ? 0 : rule_check_value(rule, wanted, reterr_breach);
}
