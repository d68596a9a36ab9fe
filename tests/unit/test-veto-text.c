/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a participant objects, as others are told it.
 */

#include "core/limits.h"
#include "core/veto-text.h"

#include <glib.h>
#include <string.h>

static void test_a_reason_is_one_printable_line(void)
{
        static const char *const pairs[][2] = {
                { "no", "no" },
                { "", "no reason given" },
                { "a\033[2J\r\n\tb\x7f", "a?[2J???b?" },
                { "\xff\xfe-\xc3", "?\?-?" },
                { "r\u202el\u200b\u2028", "r?l??" },
                { "gr\u00fc\u00df", "gr\u00fc\u00df" },
        };
        g_autofree char *huge = g_strnfill(1 << 20, 'x');
        g_autofree char *cut = veto_text_clean(huge);

        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
                g_autofree char *clean = veto_text_clean(pairs[i][0]);

                g_assert_cmpstr(clean, ==, pairs[i][1]);
        }
        g_assert_cmpuint(strlen(cut), ==, LIMIT_VETO_BYTES + 3);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/veto-text/a_reason_is_one_printable_line",
                        test_a_reason_is_one_printable_line);
        return g_test_run();
}
