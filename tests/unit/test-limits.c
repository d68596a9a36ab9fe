/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits hold their defaults, and settings move them within their range alone.
 */

#include "core/limits.h"

#include <glib.h>
#include <string.h>

#define EACH(field, setting, standard, minimum, maximum) { setting, standard, minimum, maximum },

static const struct {
        const char *setting;
        uint64_t standard, minimum, maximum;
} all[] = { LIMITS_TABLE(EACH) };

static void test_defaults_are_those_of_the_table(void)
{
        Limits limits;

        limits_init(&limits);
#define ASSERT_STANDARD(field, setting, standard, minimum, maximum) \
        g_assert_cmpuint(limits.field, ==, standard);
        LIMITS_TABLE(ASSERT_STANDARD)

        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                g_assert_cmpuint(all[i].standard, >=, all[i].minimum);
                g_assert_cmpuint(all[i].standard, <=, all[i].maximum);
        }
}

static void test_settings_take_their_range(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                Limits limits, other;

                limits_init(&limits);
                other = limits;
                g_assert_cmpint(limits_set(&limits, all[i].setting, all[i].minimum), ==, 0);
                if (all[i].minimum != all[i].standard)
                        g_assert_cmpint(memcmp(&limits, &other, sizeof limits), !=, 0);
                g_assert_cmpint(limits_set(&limits, all[i].setting, all[i].maximum), ==, 0);
                g_assert_cmpint(limits_set(&limits, all[i].setting, all[i].standard), ==, 0);
                g_assert_cmpmem(&limits, sizeof limits, &other, sizeof other);

                if (all[i].minimum > 0)
                        g_assert_cmpint(limits_set(&limits, all[i].setting, all[i].minimum - 1), ==,
                                        LIMITS_E_OUT_OF_RANGE);
                g_assert_cmpint(limits_set(&limits, all[i].setting, all[i].maximum + 1), ==,
                                LIMITS_E_OUT_OF_RANGE);
                g_assert_cmpmem(&limits, sizeof limits, &other, sizeof other);
        }
}

static void test_each_setting_moves_its_own_field(void)
{
#define ASSERT_MOVED(field, setting, standard, minimum, maximum)               \
        {                                                                      \
                Limits limits;                                                 \
                                                                               \
                limits_init(&limits);                                          \
                g_assert_cmpint(limits_set(&limits, setting, maximum), ==, 0); \
                g_assert_cmpuint(limits.field, ==, maximum);                   \
        }
        LIMITS_TABLE(ASSERT_MOVED)
}

static void test_unknown_settings_are_refused(void)
{
        Limits limits;

        limits_init(&limits);
        g_assert_cmpint(limits_set(&limits, "", 1), ==, LIMITS_E_UNKNOWN);
        g_assert_cmpint(limits_set(&limits, "valuebytesmax", 1), ==, LIMITS_E_UNKNOWN);
        g_assert_cmpint(limits_set(&limits, "ValueBytesMaximum", 1), ==, LIMITS_E_UNKNOWN);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/limits/" #test, test_##test)
        ADD(defaults_are_those_of_the_table);
        ADD(settings_take_their_range);
        ADD(each_setting_moves_its_own_field);
        ADD(unknown_settings_are_refused);
        return g_test_run();
}
