/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule lets through what it allows and nothing else, and says which setting is against the rest.
 */

#include "core/rule.h"

#include "changes.h"
#include "core/outcome.h"

#include <string.h>

/* A rule for values of @type; each text may be NULL. */
static Rule *new_rule(const char *type,
                      const char *minimum,
                      const char *maximum,
                      const char *allowed)
{
        Rule *rule = rule_new("k");

        rule->type = g_strdup(type);
        rule->minimum = minimum ? changes_value(minimum) : NULL;
        rule->maximum = maximum ? changes_value(maximum) : NULL;
        if (allowed) {
                g_autoptr(GVariant) values = changes_value(allowed);

                rule_set_allowed(rule, values);
        }
        return rule;
}

static Entry *new_entry(const char *text)
{
        g_autoptr(GVariant) value = changes_value(text);

        return entry_new("k", value, ENTRY_PERSISTENT);
}

/* @setting NULL: the value is allowed. */
static void assert_check(const Rule *rule, const char *text, const char *setting, const char *why)
{
        g_autoptr(Entry) entry = new_entry(text);
        g_auto(RuleBreach) breach = {};
        int r = rule_check_value(rule, entry, &breach);

        g_assert_cmpint(r, ==, setting ? CORE_E_INVALID_VALUE : 0);
        g_assert_cmpstr(breach.setting, ==, setting);
        g_assert_cmpstr(breach.why, ==, why);
}

static void test_type(void)
{
        g_autoptr(Rule) any = rule_new("k");
        g_autoptr(Rule) rule = new_rule("as", NULL, NULL, NULL);

        assert_check(any, "1", NULL, NULL);
        assert_check(any, "<('a', 1)>", NULL, NULL);
        assert_check(rule, "['a']", NULL, NULL);
        assert_check(rule, "@as []", NULL, NULL);
        assert_check(rule, "'a'", "Type", "must be of type as, not s");
        assert_check(rule, "<['a']>", "Type", "must be of type as, not v");
}

static void test_range(void)
{
        static const struct {
                const char *type, *below, *minimum, *middle, *maximum, *above;
        } rows[] = {
                { "y", "byte 1", "byte 2", "byte 3", "byte 250", "byte 251" },
                { "n", "int16 -7", "int16 -6", "int16 0", "int16 5", "int16 6" },
                { "q", "uint16 1", "uint16 2", "uint16 40000", "uint16 65534", "uint16 65535" },
                { "i", "-3", "-2", "0", "2", "3" },
                { "u", "uint32 67", "uint32 68", "uint32 4294967290", "uint32 4294967294",
                  "uint32 4294967295" },
                { "x", "int64 -9223372036854775808", "int64 -9223372036854775807", "int64 0",
                  "int64 9223372036854775806", "int64 9223372036854775807" },
                { "t", "uint64 0", "uint64 1", "uint64 5", "uint64 18446744073709551614",
                  "uint64 18446744073709551615" },
                { "d", "-0.51", "-0.5", "0.0", "0.5", "0.51" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(Rule) rule =
                        new_rule(rows[i].type, rows[i].minimum, rows[i].maximum, NULL);
                g_autofree char *least = g_variant_print(rule->minimum, FALSE);
                g_autofree char *most = g_variant_print(rule->maximum, FALSE);
                g_autofree char *too_little = g_strdup_printf("must be at least %s", least);
                g_autofree char *too_much = g_strdup_printf("must be at most %s", most);

                assert_check(rule, rows[i].below, "Minimum", too_little);
                assert_check(rule, rows[i].minimum, NULL, NULL);
                assert_check(rule, rows[i].middle, NULL, NULL);
                assert_check(rule, rows[i].maximum, NULL, NULL);
                assert_check(rule, rows[i].above, "Maximum", too_much);
        }
}

static void test_what_is_no_number_is_in_no_range(void)
{
        g_autoptr(Rule) least = new_rule("d", "0.0", NULL, NULL);
        g_autoptr(Rule) most = new_rule("d", NULL, "0.0", NULL);
        g_autoptr(Rule) none = new_rule("d", NULL, NULL, NULL);

        assert_check(least, "nan", "Minimum", "must be at least 0.0");
        assert_check(most, "nan", "Maximum", "must be at most 0.0");
        assert_check(least, "inf", NULL, NULL);
        assert_check(most, "-inf", NULL, NULL);
        assert_check(none, "nan", NULL, NULL);
}

static void test_allowed(void)
{
        g_autoptr(Rule) numbers = new_rule("u", NULL, NULL, "[uint32 1400, 1500]");
        g_autoptr(Rule) texts = new_rule("s", NULL, NULL, "['', 'a', 'b']");
        g_autoptr(Rule) structs = new_rule("(sv)", NULL, NULL, "[('a', <1>), ('b', <'x'>)]");
        g_autoptr(Rule) many = rule_new("k");
        g_autoptr(GVariantBuilder) builder = g_variant_builder_new(G_VARIANT_TYPE("as"));
        g_autoptr(GVariant) values = NULL;
        g_autoptr(Entry) entry = new_entry("'x'");
        g_auto(RuleBreach) breach = {};

        assert_check(numbers, "uint32 1500", NULL, NULL);
        assert_check(numbers, "uint32 1501", "Allowed", "must be one of [1400, 1500]");
        assert_check(texts, "''", NULL, NULL);
        assert_check(texts, "'ab'", "Allowed", "must be one of ['', 'a', 'b']");
        assert_check(structs, "('b', <'x'>)", NULL, NULL);
        assert_check(structs, "('b', <'y'>)", "Allowed",
                     "must be one of [('a', <1>), ('b', <'x'>)]");

        /* Of many not all are shown, and no character is cut in two. */
        for (int i = 0; i < 1000; i++)
                g_variant_builder_add(builder, "s", "äöü");
        values = g_variant_ref_sink(g_variant_builder_end(builder));
        many->type = g_strdup("s");
        rule_set_allowed(many, values);
        g_assert_cmpint(rule_check_value(many, entry, &breach), ==, CORE_E_INVALID_VALUE);
        g_assert_cmpuint(strlen(breach.why), <, 200);
        g_assert_true(g_utf8_validate(breach.why, -1, NULL));
        g_assert_true(g_str_has_suffix(breach.why, "..."));
        g_assert_cmpint(rule_check_value(many, entry, NULL), ==, CORE_E_INVALID_VALUE);

        /* The text was made once for all refusals, however many. */
        g_assert_cmpstr(strstr(breach.why, "['"), ==, many->allowed_shown);
}

static void assert_length(const char *type,
                          uint64_t minimum,
                          uint64_t maximum,
                          const char *text,
                          const char *setting,
                          const char *why)
{
        g_autoptr(Rule) rule = new_rule(type, NULL, NULL, NULL);

        rule->length_minimum = minimum;
        rule->length_maximum = maximum;
        assert_check(rule, text, setting, why);
}

static void test_length(void)
{
        assert_length("s", 2, 3, "'a'", "LengthMinimum", "must have at least 2 bytes, not 1");
        assert_length("s", 2, 3, "'ab'", NULL, NULL);
        assert_length("s", 2, 3, "'abc'", NULL, NULL);
        assert_length("s", 2, 3, "'äö'", "LengthMaximum", "must have at most 3 bytes, not 4");
        assert_length("s", 0, 0, "''", NULL, NULL);
        assert_length("o", 0, 1, "objectpath '/'", NULL, NULL);
        assert_length("o", 0, 1, "objectpath '/a'", "LengthMaximum",
                      "must have at most 1 bytes, not 2");
        assert_length("g", 1, 9, "signature ''", "LengthMinimum",
                      "must have at least 1 bytes, not 0");
        assert_length("as", 1, 2, "@as []", "LengthMinimum",
                      "must have at least 1 elements, not 0");
        assert_length("as", 1, 2, "['a', 'b']", NULL, NULL);
        assert_length("as", 1, 2, "['a', 'b', 'c']", "LengthMaximum",
                      "must have at most 2 elements, not 3");
        assert_length("ay", 0, 3, "b'abc'", "LengthMaximum", "must have at most 3 elements, not 4");
        assert_length("a{sv}", 0, 1, "{'a': <1>}", NULL, NULL);
}

/* @wanted and @present as text; @wanted NULL deletes, @present NULL: not set. */
static void assert_change(const Rule *rule,
                          const char *wanted,
                          const char *present,
                          uint32_t uid,
                          const char *setting)
{
        g_autoptr(Entry) w =
                wanted ? new_entry(wanted) : entry_new_tombstone("k", ENTRY_PERSISTENT);
        g_autoptr(Entry) p = present ? new_entry(present) : NULL;
        g_auto(RuleBreach) breach = {};
        int r = rule_check_change(rule, w, p, uid, &breach);

        g_assert_cmpint(r, ==, setting ? CORE_E_INVALID_VALUE : 0);
        g_assert_cmpstr(breach.setting, ==, setting);
}

static void test_locked(void)
{
        g_autoptr(Rule) rule = new_rule("i", "0", NULL, NULL);

        rule->is_locked = true;
        assert_change(rule, "1", NULL, 4001, "Locked");
        assert_change(rule, "1", "2", 4001, "Locked");
        assert_change(rule, NULL, "2", 4001, "Locked");
        assert_change(rule, "1", NULL, 0, NULL);
        assert_change(rule, "1", "2", 0, NULL);
        assert_change(rule, NULL, "2", 0, NULL);
        assert_change(rule, "-1", NULL, 0, "Minimum");
}

static void test_write_once(void)
{
        g_autoptr(Rule) rule = new_rule("i", "0", NULL, NULL);

        rule->is_write_once = true;
        assert_change(rule, "1", NULL, 4001, NULL);
        assert_change(rule, "-1", NULL, 4001, "Minimum");
        assert_change(rule, "1", "2", 4001, "WriteOnce");
        assert_change(rule, "1", "2", 0, "WriteOnce");
        assert_change(rule, NULL, "2", 4001, "WriteOnce");
        assert_change(rule, NULL, "2", 0, NULL);
        rule->is_locked = true;
        assert_change(rule, "1", NULL, 4001, "Locked");
        assert_change(rule, "1", "2", 0, "WriteOnce");
}

static void test_a_rule_does_not_hold_deletion(void)
{
        g_autoptr(Rule) rule = new_rule("i", "0", NULL, NULL);

        assert_change(rule, NULL, "-5", 4001, NULL);
        assert_change(rule, NULL, "'of another type'", 4001, NULL);
}

/* By definition: '*' takes any number of characters, '?' one. */
static gboolean matches_by_definition(const char *pattern, const char *key)
{
        if (*pattern == '\0')
                return *key == '\0';
        if (*pattern == '*')
                return matches_by_definition(pattern + 1, key) ||
                       (*key && matches_by_definition(pattern, key + 1));
        return *key && (*pattern == '?' || *pattern == *key) &&
               matches_by_definition(pattern + 1, key + 1);
}

static char *random_text(GRand *random, const char *letters, int length_max)
{
        int length = g_rand_int_range(random, 0, length_max + 1);
        char *text = g_malloc0((size_t) length + 1);

        for (int i = 0; i < length; i++)
                text[i] = letters[g_rand_int_range(random, 0, (gint32) strlen(letters))];
        return text;
}

static void test_patterns_match_what_they_say(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(7);
        unsigned n_matches = 0;

        for (int i = 0; i < 20000; i++) {
                g_autofree char *pattern = random_text(random, "ab*?", 7);
                g_autofree char *key = random_text(random, "ab", 8);
                g_autoptr(Rule) rule = rule_new(pattern);

                g_assert_cmpint(rule_matches(rule, key), ==, matches_by_definition(pattern, key));
                n_matches += rule_matches(rule, key);
        }
        g_assert_cmpuint(n_matches, >, 1000);
}

static void test_no_pattern_takes_long(void)
{
        g_autofree char *key = g_strnfill(255, 'a');
        g_autoptr(Rule) rule = rule_new("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
        gint64 start = g_get_monotonic_time();

        for (int i = 0; i < 100; i++)
                g_assert_false(rule_matches(rule, key));
        g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/rule/" #test, test_##test)
        ADD(type);
        ADD(range);
        ADD(what_is_no_number_is_in_no_range);
        ADD(allowed);
        ADD(length);
        ADD(locked);
        ADD(write_once);
        ADD(a_rule_does_not_hold_deletion);
        ADD(patterns_match_what_they_say);
        ADD(no_pattern_takes_long);
        return g_test_run();
}
