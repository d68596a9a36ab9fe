/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: manifest
 *
 * The input is a manifest without its last line, which is made to fit. What reads is written so that
 * it reads the same.
 */

#include "fuzz.h"
#include "store/manifest.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autoptr(GString) text = g_string_new_len((const char *) input, (gssize) n_bytes);
        g_autoptr(Manifest) manifest = NULL;
        g_autoptr(Manifest) again = NULL;
        g_autofree char *first = NULL;
        g_autofree char *second = NULL;
        g_autofree char *features = NULL;
        uint64_t format;
        int r;

        g_string_append_printf(text, "# XXH3 %016" G_GINT64_MODIFIER "x\n",
                               (uint64_t) XXH3_64bits(input, n_bytes));
        r = manifest_from_text(&manifest, text->str, text->len);
        g_assert(r == 0 || r == -EBADMSG || r == MANIFEST_E_NEWER);
        g_assert(r == -EBADMSG || manifest_format(text->str, text->len, &format, &features) == 0);
        if (r != 0)
                return 0;

        first = manifest_to_text(manifest);
        g_assert_cmpint(manifest_from_text(&again, first, strlen(first)), ==, 0);
        second = manifest_to_text(again);
        g_assert_cmpstr(first, ==, second);
        return 0;
}
