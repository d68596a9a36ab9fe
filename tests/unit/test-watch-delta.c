/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is cut out of a commit for a prefix, and what of that is told with its value.
 */

#include "bus/watch-delta.h"

#include <string.h>

typedef struct Rig {
        Limits limits;
        GPtrArray *entries; /* owned Entry */
        WatchDelta delta;
        WatchCut cut;
} Rig;

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static void rig_init(Rig *rig)
{
        limits_init(&rig->limits);
        rig->entries = g_ptr_array_new_with_free_func(entry_destroy);
        watch_delta_init(&rig->delta, &rig->limits);
        watch_cut_init(&rig->cut);
}

static void rig_clear(Rig *rig)
{
        watch_cut_clear(&rig->cut);
        watch_delta_clear(&rig->delta);
        g_ptr_array_unref(rig->entries);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rig, rig_clear)

/* @n_bytes 0: the key is not read any more. */
static void add(Rig *rig, const char *key, size_t n_bytes)
{
        g_autofree char *text = g_strnfill(n_bytes, 'x');
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string(text));
        Entry *entry = entry_new(key, value, ENTRY_PERSISTENT);
        const WatchKey watch_key = { entry_key(entry), n_bytes > 0 ? entry : NULL };

        g_ptr_array_add(rig->entries, entry);
        g_array_append_val(rig->delta.keys, watch_key);
}

static char *changed(const Rig *rig)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < rig->cut.changed->len; i++)
                g_string_append_printf(text, "%s ", entry_key(rig->cut.changed->pdata[i]));
        return g_string_free(text, FALSE);
}

static void assert_cut(Rig *rig, const char *prefix, const char *expected, guint n_removed)
{
        g_autofree char *found = NULL;
        bool is_any = watch_delta_cut(&rig->delta, prefix, &rig->cut);

        found = changed(rig);
        g_assert_cmpstr(found, ==, expected);
        g_assert_cmpuint(rig->cut.removed->len, ==, n_removed);
        g_assert_true(is_any == (*expected || n_removed > 0));
}

static void test_a_cut_is_what_lies_below_the_prefix(void)
{
        g_auto(Rig) rig;

        rig_init(&rig);
        add(&rig, "b/y", 1);
        add(&rig, "a", 1);
        add(&rig, "c", 0);
        add(&rig, "b/x", 1);
        add(&rig, "b", 1);
        add(&rig, "b/x", 1);
        watch_delta_complete(&rig.delta);

        assert_cut(&rig, "", "a b b/x b/y ", 1);
        assert_cut(&rig, "b", "b b/x b/y ", 0);
        assert_cut(&rig, "b/", "b/x b/y ", 0);
        assert_cut(&rig, "b/y", "b/y ", 0);
        assert_cut(&rig, "b/y/", "", 0);
        assert_cut(&rig, "c", "", 1);
        assert_cut(&rig, "d", "", 0);
        assert_cut(&rig, "B", "", 0);
}

static void test_values_over_a_bound_are_named(void)
{
        g_auto(Rig) rig;

        rig_init(&rig);
        rig.limits.changed_value_bytes = 1000;
        rig.limits.changed_bytes = 2000;
        add(&rig, "a", 1100);
        add(&rig, "b", 900);
        add(&rig, "c", 900);
        add(&rig, "d", 900);
        add(&rig, "e", 20);
        watch_delta_complete(&rig.delta);

        assert_cut(&rig, "", "b c e ", 0);
        g_assert_cmpuint(rig.cut.invalidated->len, ==, 2);
        g_assert_false(rig.cut.is_too_large);
        assert_cut(&rig, "d", "d ", 0);
        g_assert_cmpuint(rig.cut.invalidated->len, ==, 0);
}

static void test_keys_that_are_too_many_are_told_in_another_way(void)
{
        g_auto(Rig) rig;
        char key[LIMIT_KEY_BYTES + 1];

        rig_init(&rig);
        memset(key, 'k', sizeof key);
        for (unsigned i = 0; i < 9000; i++) {
                g_snprintf(key + 240, sizeof key - 240, "%06u", i);
                add(&rig, key, 0);
        }
        watch_delta_complete(&rig.delta);

        g_assert_true(watch_delta_cut(&rig.delta, "", &rig.cut));
        g_assert_true(rig.cut.is_too_large);
        g_assert_cmpuint(rig.cut.removed->len, <, 9000);
        g_assert_true(watch_delta_cut(&rig.delta, key, &rig.cut));
        g_assert_false(rig.cut.is_too_large);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/watch-delta/prefix", test_a_cut_is_what_lies_below_the_prefix);
        g_test_add_func("/watch-delta/bounds", test_values_over_a_bound_are_named);
        g_test_add_func("/watch-delta/names", test_keys_that_are_too_many_are_told_in_another_way);

        return g_test_run();
}
