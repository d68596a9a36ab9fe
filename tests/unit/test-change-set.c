/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a caller asks for is checked before anything is done with it, and the refusal says why.
 */

#include "core/change-set.h"

#include "changes.h"

#include <string.h>

/* A refusal of @outcome whose text names @what. */
static void assert_refused(int r, Outcome outcome, char **text, const char *what)
{
        g_assert_cmpint(r, ==, outcome);
        g_assert_nonnull(*text);
        g_assert_nonnull(strstr(*text, what));
        g_clear_pointer(text, g_free);
}

static int set_with(const Limits *limits,
                    ChangeSet *set,
                    const char *key,
                    const char *value_text,
                    char **reterr_text)
{
        g_autoptr(GVariant) value = changes_value(value_text);

        return change_set_set(set, changes_of(set, "a.b"), limits, key, value, reterr_text);
}

static void test_namespaces_are_named_once_and_right(void)
{
        static const char *const bad[] = { "", "a", "a..b", "..", "a.b/c", "a.b\n" };
        g_autoptr(ChangeSet) set = changes_new();
        NamespaceWish *wish = NULL;
        char *text = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_assert_cmpint(change_set_add_namespace(set, bad[i], &wish, &text), ==,
                                CORE_E_INVALID_NAME);
                g_clear_pointer(&text, g_free);
        }
        g_assert_null(wish);

        g_assert_cmpint(change_set_add_namespace(set, "a.b", &wish, &text), ==, 0);
        g_assert_cmpint(change_set_add_namespace(set, "c.d", &wish, &text), ==, 0);
        g_assert_cmpstr(wish->name, ==, "c.d");
        assert_refused(change_set_add_namespace(set, "a.b", &wish, &text), CORE_E_INVALID_ARGUMENT,
                       &text, "'a.b'");
        g_assert_cmpuint(set->namespaces->len, ==, 2);
}

static void test_the_number_of_namespaces_is_bounded(void)
{
        g_autoptr(ChangeSet) set = changes_new();
        NamespaceWish *wish;
        char *text = NULL;
        int r = 0;

        for (int i = 0; i < 20000 && r == 0; i++) {
                g_autofree char *name = g_strdup_printf("a.b%d", i);

                r = change_set_add_namespace(set, name, &wish, &text);
        }
        assert_refused(r, CORE_E_TOO_BIG, &text, "namespaces");
}

static void test_a_key_is_changed_once(void)
{
        g_autoptr(ChangeSet) set = changes_new();
        char *text = NULL;

        /* Few are searched, many are looked up: both find the double. */
        for (int n = 0; n < 40; n++) {
                g_autofree char *key = g_strdup_printf("k%d", n);
                g_autofree char *earlier = g_strdup_printf("k%d", n / 2);

                changes_set(set, "a.b", key, "1");
                assert_refused(set_with(changes_limits(), set, earlier, "2", &text),
                               CORE_E_INVALID_ARGUMENT, &text, earlier);
                assert_refused(
                        change_set_unset(set, changes_of(set, "a.b"), changes_limits(), key, &text),
                        CORE_E_INVALID_ARGUMENT, &text, key);
        }

        changes_unset(set, "a.b", "gone");
        assert_refused(set_with(changes_limits(), set, "gone", "1", &text), CORE_E_INVALID_ARGUMENT,
                       &text, "'gone'");
        changes_set(set, "c.d", "k0", "1");
        g_assert_cmpuint(set->n_changes, ==, 42);
}

static void test_bad_keys_are_named(void)
{
        g_autofree char *long_key = g_strnfill(LIMIT_KEY_BYTES + 1, 'k');
        const char *const bad[] = { "", "a b", "a\n", "\xc3\xbc", "a\xff", "k=v", long_key };
        g_autoptr(ChangeSet) set = changes_new();
        NamespaceWish *wish = changes_of(set, "a.b");
        char *text = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                assert_refused(set_with(changes_limits(), set, bad[i], "1", &text),
                               CORE_E_INVALID_NAME, &text, "is not a key");
                assert_refused(change_set_unset(set, wish, changes_limits(), bad[i], &text),
                               CORE_E_INVALID_NAME, &text, "is not a key");
                assert_refused(change_set_expect(set, wish, changes_limits(), bad[i], 1, &text),
                               CORE_E_INVALID_NAME, &text, "is not a key");
        }
        g_assert_cmpuint(wish->entries->len, ==, 0);
        g_assert_null(wish->expectations);
        g_assert_cmpuint(set->n_changes, ==, 0);
}

static void test_large_values_are_refused(void)
{
        Limits limits = *changes_limits();
        g_autoptr(ChangeSet) set = changes_new();
        char *text = NULL;

        limits.value_bytes = 10;
        g_assert_cmpint(set_with(&limits, set, "fits", "'123456789'", &text), ==, 0);
        assert_refused(set_with(&limits, set, "large", "'1234567890'", &text), CORE_E_TOO_BIG,
                       &text, "'large'");

        /* 10 bytes as a GVariant, 80 in a message: what could not be read back. */
        limits.reply_bytes = LIMIT_KIB + 80;
        g_assert_cmpint(
                set_with(&limits, set, "wide", "[(byte 1,),(1,),(1,),(1,),(1,),(1,),(1,)]", &text),
                ==, 0);
        limits.reply_bytes = LIMIT_KIB + 16;
        assert_refused(
                set_with(&limits, set, "wider", "[(byte 1,),(1,),(1,),(1,),(1,),(1,),(1,)]", &text),
                CORE_E_TOO_BIG, &text, "in a message");
        g_assert_cmpuint(set->n_changes, ==, 2);
}

static void test_a_commit_is_bounded_in_changes_and_bytes(void)
{
        Limits limits = *changes_limits();
        g_autoptr(ChangeSet) set = changes_new();
        NamespaceWish *wish = changes_of(set, "a.b");
        char *text = NULL;

        limits.commit_changes = set->n_changes + 3;
        limits.commit_bytes = set->n_bytes + 100;
        g_assert_cmpint(set_with(&limits, set, "a", "int64 1", &text), ==, 0);
        g_assert_cmpint(change_set_unset(set, wish, &limits, "b", &text), ==, 0);
        g_assert_cmpint(change_set_expect(set, wish, &limits, "c", 1, &text), ==, 0);
        assert_refused(set_with(&limits, set, "d", "1", &text), CORE_E_TOO_BIG, &text, "changes");
        assert_refused(change_set_unset(set, wish, &limits, "d", &text), CORE_E_TOO_BIG, &text,
                       "changes");
        assert_refused(change_set_expect(set, wish, &limits, "d", 1, &text), CORE_E_TOO_BIG, &text,
                       "changes");

        limits.commit_changes = 1000;
        limits.commit_bytes = set->n_bytes + 9;
        assert_refused(set_with(&limits, set, "dd", "int64 1", &text), CORE_E_TOO_BIG, &text,
                       "bytes");
        g_assert_cmpint(set_with(&limits, set, "d", "int64 1", &text), ==, 0);
        assert_refused(change_set_unset(set, wish, &limits, "e", &text), CORE_E_TOO_BIG, &text,
                       "bytes");
        g_assert_cmpuint(wish->entries->len, ==, 3);
        g_assert_cmpuint(wish->expectations->len, ==, 1);
}

static void test_only_what_is_set_has_a_class(void)
{
        g_autoptr(ChangeSet) set = changes_new();
        NamespaceWish *wish = changes_of(set, "a.b");
        const Entry *entry;
        char *text = NULL;

        changes_set(set, "a.b", "k", "1");
        changes_unset(set, "a.b", "gone");
        entry = wish->entries->pdata[0];
        g_assert_cmpint(entry->class, ==, ENTRY_AS_SEEN);
        g_assert_cmpint(change_set_classify(wish, "k", ENTRY_RUNTIME, &text), ==, 0);
        g_assert_cmpint(entry->class, ==, ENTRY_RUNTIME);
        assert_refused(change_set_classify(wish, "gone", ENTRY_RUNTIME, &text),
                       CORE_E_INVALID_ARGUMENT, &text, "'gone'");
        assert_refused(change_set_classify(wish, "absent", ENTRY_RUNTIME, &text),
                       CORE_E_INVALID_ARGUMENT, &text, "'absent'");
}

static void test_reasons_and_modes_are_bounded(void)
{
        static const uint32_t bad[] = { 0666, 0602, 0777, 0700, 01644, 02644, 0100644, UINT32_MAX };
        g_autoptr(ChangeSet) set = changes_new();
        g_autofree char *reason = g_strnfill(LIMIT_REASON_BYTES + 1, 'r');
        char *text = NULL;

        assert_refused(change_set_set_reason(set, reason, &text), CORE_E_TOO_BIG, &text, "1024");
        g_assert_null(set->reason);
        reason[LIMIT_REASON_BYTES] = '\0';
        g_assert_cmpint(change_set_set_reason(set, reason, &text), ==, 0);
        g_assert_cmpint(change_set_set_reason(set, "another", &text), ==, 0);
        g_assert_cmpstr(set->reason, ==, "another");

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                assert_refused(change_set_set_mode(set, bad[i], &text), CORE_E_INVALID_ARGUMENT,
                               &text, "is not allowed");
        g_assert_cmpint(set->access_fields, ==, 0);
        g_assert_cmpint(change_set_set_mode(set, 0660, &text), ==, 0);
        g_assert_cmpint(set->access_fields, ==, ACCESS_MODE);
        g_assert_cmpuint(set->access.mode, ==, 0660);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/change-set/" #test, test_##test)
        ADD(namespaces_are_named_once_and_right);
        ADD(the_number_of_namespaces_is_bounded);
        ADD(a_key_is_changed_once);
        ADD(bad_keys_are_named);
        ADD(large_values_are_refused);
        ADD(a_commit_is_bounded_in_changes_and_bytes);
        ADD(only_what_is_set_has_a_class);
        ADD(reasons_and_modes_are_bounded);
        return g_test_run();
}
