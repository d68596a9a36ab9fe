/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names
 */

#include "core/name.h"

#include "core/limits.h"

#include <glib.h>
#include <string.h>

#define QUOTED_BYTES_MAX 255

static bool is_label_character(char c, bool is_first)
{
        return g_ascii_isalpha(c) || c == '_' || (!is_first && g_ascii_isdigit(c));
}

/* What a character may be in the name of a namespace: it is looked at with every call. */
enum {
        CHARACTER_BEGINS = 1 << 0, /* a label */
        CHARACTER_GOES_ON = 1 << 1,
        CHARACTER_ENDS = 1 << 2,
};

static const uint8_t name_characters[UINT8_MAX + 1] = {
        ['.'] = CHARACTER_ENDS,
        ['0' ... '9'] = CHARACTER_GOES_ON,
        ['A' ... 'Z'] = CHARACTER_BEGINS | CHARACTER_GOES_ON,
        ['_'] = CHARACTER_BEGINS | CHARACTER_GOES_ON,
        ['a' ... 'z'] = CHARACTER_BEGINS | CHARACTER_GOES_ON,
};

bool namespace_name_is_valid(const char *name)
{
        unsigned allowed = CHARACTER_BEGINS;
        bool has_dot = false;
        const char *p;

        for (p = name; *p; p++) {
                unsigned character = name_characters[(uint8_t) *p];

                if (!(character & allowed) || p - name >= (ptrdiff_t) LIMIT_NAMESPACE_NAME_BYTES)
                        return false;
                has_dot |= character == CHARACTER_ENDS;
                allowed = character == CHARACTER_ENDS ? CHARACTER_BEGINS
                                                      : CHARACTER_GOES_ON | CHARACTER_ENDS;
        }

        return has_dot && allowed != CHARACTER_BEGINS;
}

/* A start looks at every key: strspn() would take longer over its set than over a key. */
static const bool key_characters[UINT8_MAX + 1] = {
        ['-' ... ':'] = true,
        ['A' ... 'Z'] = true,
        ['_'] = true,
        ['a' ... 'z'] = true,
};

bool key_bytes_are_valid(const char *bytes, size_t n_bytes)
{
        bool is_valid = n_bytes > 0;

        if (n_bytes > LIMIT_KEY_BYTES)
                return false;
        for (size_t i = 0; i < n_bytes; i++)
                is_valid &= key_characters[(uint8_t) bytes[i]];
        return is_valid;
}

bool key_prefix_is_valid(const char *prefix)
{
        return !*prefix || key_is_valid(prefix);
}

bool key_is_valid(const char *key)
{
        return key_bytes_are_valid(key, strnlen(key, LIMIT_KEY_BYTES + 1));
}

bool kernel_release_is_valid(const char *release)
{
        size_t length = strnlen(release, LIMIT_RELEASE_BYTES + 1);

        return length > 0 && length <= LIMIT_RELEASE_BYTES &&
               strspn(release, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._+~@:=,-") == length;
}

char *name_quote(const char *text)
{
        bool is_cut = strnlen(text, QUOTED_BYTES_MAX + 1) > QUOTED_BYTES_MAX;
        g_autofree char *head = g_strndup(text, QUOTED_BYTES_MAX);
        g_autofree char *escaped = g_strescape(head, NULL);

        return g_strdup_printf("'%s%s'", escaped, is_cut ? "..." : "");
}

bool key_is_member_name(const char *key)
{
        if (!is_label_character(*key, true))
                return false;
        for (const char *p = key; *p; p++)
                if (!is_label_character(*p, false))
                        return false;

        return true;
}
