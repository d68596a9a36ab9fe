/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: declaration file
 *
 * The input is a file of namespaces.d. Either something is wrong and is named in printable text, or
 * each default keeps to its rule, fits a message, and is found where the rules say.
 */

#include "core/namespace-walk.h"
#include "core/value-check.h"
#include "declaration-file.h"
#include "fuzz.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* In memory where that can be had: a file must have the name of its namespace. */
static const char *input_path(void)
{
        static char *path;

        if (!path) {
                const char *base = g_access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
                g_autofree char *name = g_strdup_printf("a.b%d.conf", (int) getpid());

                path = g_build_filename(base, name, NULL);
        }
        return path;
}

static void assert_complaints(const GPtrArray *complaints, const char *path)
{
        g_assert(complaints->len > 0);
        for (guint i = 0; i < complaints->len; i++) {
                const char *text = complaints->pdata[i];

                g_assert(g_str_has_prefix(text, path));
                for (; *text; text++)
                        g_assert(g_ascii_isprint(*text));
        }
}

static void assert_fallback(const Declaration *declaration, Entry *fallback, const Limits *limits)
{
        const Rule *rule = declaration_rule(declaration, entry_key(fallback));
        g_autoptr(GVariant) value = entry_value(fallback);
        g_autofree char *why = NULL;
        g_auto(RuleBreach) breach = {};

        g_assert(rule && rule->fallback == fallback && entry_is_fallback(fallback));
        g_assert(declaration_fallback(declaration, entry_key(fallback)) == fallback);
        g_assert(rule_check_value(rule, fallback, &breach) == 0);
        g_assert(value_check_made(value, limits, &why) == 0);
        g_assert(g_variant_is_normal_form(value));
}

static void assert_declaration(const Declaration *declaration, const Limits *limits)
{
        for (guint i = 0; i < declaration->fallbacks->len; i++) {
                Entry *fallback = declaration->fallbacks->pdata[i];

                assert_fallback(declaration, fallback, limits);
                g_assert(declaration_first_fallback(declaration, entry_key(fallback), false) == i);
                g_assert(declaration_first_fallback(declaration, entry_key(fallback), true) ==
                         i + 1);
        }

        g_assert(!(declaration->access.mode & ~NAMESPACE_MODE_MASK));
        g_assert(declaration->patterns->len <= LIMIT_DECLARATION_PATTERNS);
        g_assert(g_hash_table_size(declaration->rules) <= LIMIT_DECLARATION_KEYS);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autoptr(GPtrArray) complaints = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(Declaration) declaration = NULL;
        g_autofree char *name = NULL;
        const char *path = input_path();
        Limits limits;
        int r;

        limits_init(&limits);
        g_assert(g_file_set_contents_full(path, (const char *) input, (gssize) n_bytes,
                                          G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        r = declaration_file_load(path, &limits, complaints, &name, &declaration);
        g_assert(r == 0 || r == DECLARATION_FILE_E_WRONG);
        if (r == 0)
                assert_declaration(declaration, &limits);
        else
                assert_complaints(complaints, path);
        (void) g_unlink(path);
        return 0;
}
