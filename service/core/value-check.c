/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value check
 */

#include "core/value-check.h"

#include "core/outcome.h"
#include "core/value-depth.h"
#include "core/value.h"

#include <inttypes.h>
#include <string.h>

int value_check_size(GVariant *value, const Limits *limits, char **reterr_why)
{
        uint64_t n_bytes = g_variant_get_size(value);

        if (n_bytes > limits->value_bytes) {
                *reterr_why = g_strdup_printf("has a value of %" PRIu64 " bytes, at most %" PRIu64
                                              " are allowed",
                                              n_bytes, limits->value_bytes);
                return CORE_E_TOO_BIG;
        }

        /* Some types take more room in a message; what could not be read back is refused. */
        n_bytes = value_wire_bytes(value) + LIMIT_KIB;
        if (n_bytes > limits->reply_bytes) {
                *reterr_why =
                        g_strdup_printf("has a value that takes %" PRIu64
                                        " bytes in a message, at most %" PRIu64 " are allowed",
                                        n_bytes, limits->reply_bytes);
                return CORE_E_TOO_BIG;
        }

        return 0;
}

/* GVariant knows a dictionary entry by itself, D-Bus only the array of them. */
static bool has_lone_dict_entry(const char *type)
{
        for (const char *p = strchr(type, '{'); p; p = strchr(p + 1, '{'))
                if (p == type || p[-1] != 'a')
                        return true;

        return false;
}

static bool type_is_allowed(ValueDepth depth, const char *type)
{
        return value_type_is_valid(type) && !has_lone_dict_entry(type) &&
               value_depth_is_allowed(depth, G_VARIANT_TYPE(type));
}

bool value_type_can_be_made(const char *type)
{
        return type_is_allowed((ValueDepth){}, type);
}

/* What the bus takes as a value of type g; there a descriptor is as good as any. */
static bool signature_is_allowed(const char *signature)
{
        const char *end;

        if (strlen(signature) > LIMIT_TYPE_BYTES || strstr(signature, "()") ||
            has_lone_dict_entry(signature))
                return false;

        for (; *signature; signature = end) {
                g_autofree char *type = NULL;

                if (!g_variant_type_string_scan(signature, NULL, &end))
                        return false;
                type = g_strndup(signature, (size_t) (end - signature));
                if (!value_depth_is_allowed((ValueDepth){}, G_VARIANT_TYPE(type)))
                        return false;
        }

        return true;
}

static bool has_noncharacter(const char *text)
{
        for (; *text; text += g_utf8_skip[(uint8_t) *text]) {
                gunichar c = g_utf8_get_char(text);

                if ((c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE)
                        return true;
        }

        return false;
}

static const char *check_basic(GVariant *value)
{
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) &&
            has_noncharacter(g_variant_get_string(value, NULL)))
                return "has a string with Unicode noncharacters";
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_SIGNATURE) &&
            !signature_is_allowed(g_variant_get_string(value, NULL)))
                return "has a signature that D-Bus does not know";
        return NULL;
}

/* Takes from *@n_elements what reading it from a message would; NULL, or what is wrong. */
static const char *check(GVariant *value, ValueDepth depth, size_t *n_elements)
{
        const char *type = g_variant_get_type_string(value);
        const char *why = NULL;
        size_t n;

        if (*n_elements == 0)
                return "has too many elements";
        --*n_elements;

        if (!g_variant_is_container(value))
                return check_basic(value);
        if (type[0] == 'a' && strchr("ynqiuxtd", type[1]))
                return NULL;

        depth = value_depth_enter(depth, g_variant_get_type(value));
        n = g_variant_n_children(value);
        for (size_t i = 0; i < n && !why; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                if (*type == 'v' && !type_is_allowed(depth, g_variant_get_type_string(child)))
                        return "holds a variant of a type that is not allowed, or too deep";
                why = check(child, depth, n_elements);
        }

        return why;
}

int value_check_made(GVariant *value, const Limits *limits, char **reterr_why)
{
        size_t n_elements = LIMIT_COMMIT_ELEMENTS;
        const char *why = NULL;

        if (!value_type_can_be_made(g_variant_get_type_string(value)))
                why = "is of a type that is not allowed, or too deep";
        if (!why)
                why = check(value, (ValueDepth){}, &n_elements);
        if (why) {
                *reterr_why = g_strdup(why);
                return CORE_E_INVALID_VALUE;
        }

        return value_check_size(value, limits, reterr_why);
}
