/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: one key
 *
 * Nothing here asks the system for anything or allocates, but where a GVariant is made and where a view is opened anew.
 */

#include "view-private.h"

#include <errno.h>
#include <string.h>

static void fill_entry(const ViewEntry *found, RegentViewEntry *ret_entry)
{
        const RegentViewOrigin *origin = view_entry_origin(found);

        *ret_entry = (RegentViewEntry){
                .key = found->key,
                .type = view_entry_type(found),
                .bytes = found->value,
                .n_bytes = found->value_bytes,
                .revision = found->revision,
                .time_usec = origin->time_usec,
                .writer_uid = origin->writer_uid,
        };
}

static int find(const RegentView *view, const char *key, ViewEntry *ret_entry)
{
        int r;

        if (!key)
                return -EINVAL;
        r = view_check(view);
        return r < 0 ? r : view_reader_get(&view->reader, key, strlen(key), ret_entry);
}

int regent_view_peek(RegentView *view, const char *key, RegentViewEntry *ret_entry)
{
        ViewEntry found;
        int r;

        r = find(view, key, &found);
        if (r < 0)
                return r;

        /* Several threads may be here at once, and only one of them is to write. */
        if (!__atomic_load_n(&view->has_lent, __ATOMIC_RELAXED))
                __atomic_store_n(&view->has_lent, true, __ATOMIC_RELAXED);
        if (ret_entry)
                fill_entry(&found, ret_entry);
        return 0;
}

int regent_view_next(RegentView *view, uint64_t *cursor, RegentViewEntry *ret_entry)
{
        ViewEntry found;
        int r;

        r = view_check(view);
        if (r >= 0)
                r = view_reader_next(&view->reader, cursor, &found);
        if (r < 0)
                return r;

        __atomic_store_n(&view->has_lent, true, __ATOMIC_RELAXED);
        if (ret_entry)
                fill_entry(&found, ret_entry);
        return 0;
}

int view_entry_value(const ViewEntry *entry, GVariant **ret_value)
{
        const char *type = view_entry_type(entry);
        g_autoptr(GBytes) bytes = NULL;

        if (strlen(type) != entry->type_bytes || !g_variant_type_string_is_valid(type) ||
            !g_variant_type_is_definite(G_VARIANT_TYPE(type)))
                return -EBADMSG;

        /* GVariant reads what is not in normal form without going astray. */
        bytes = g_bytes_new(entry->value, entry->value_bytes);
        *ret_value =
                g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(type), bytes, FALSE));
        return 0;
}

int regent_view_get(RegentView *view, const char *key, GVariant **ret_value)
{
        g_autoptr(GVariant) value = NULL;
        ViewEntry found;
        int r;

        view_follow(view);
        r = find(view, key, &found);
        if (r >= 0)
                r = view_entry_value(&found, &value);
        if (r < 0)
                return r;

        if (ret_value)
                *ret_value = g_steal_pointer(&value);
        return 0;
}

/* Of a type of one letter; how much it has is for who asks to look at. */
static inline int find_typed(RegentView *view, const char *key, char type, ViewEntry *ret_entry)
{
        int r;

        view_follow(view);
        r = find(view, key, ret_entry);
        if (r < 0)
                return r;

        return ret_entry->type_bytes == 1 && *view_entry_type(ret_entry) == type ? 0 : -EMEDIUMTYPE;
}

static inline int get_fixed(
        RegentView *view, const char *key, char type, void *ret_value, size_t n_bytes)
{
        ViewEntry found;
        int r;

        r = find_typed(view, key, type, &found);
        if (r < 0)
                return r;
        if (found.value_bytes != n_bytes)
                return -EBADMSG;

        if (ret_value)
                memcpy(ret_value, found.value, n_bytes);
        return 0;
}

int regent_view_get_boolean(RegentView *view, const char *key, bool *ret_value)
{
        uint8_t byte;
        int r;

        r = get_fixed(view, key, 'b', &byte, sizeof(byte));
        if (r < 0)
                return r;

        if (ret_value)
                *ret_value = byte != 0;
        return 0;
}

int regent_view_get_byte(RegentView *view, const char *key, uint8_t *ret_value)
{
        return get_fixed(view, key, 'y', ret_value, sizeof(*ret_value));
}

int regent_view_get_int16(RegentView *view, const char *key, int16_t *ret_value)
{
        return get_fixed(view, key, 'n', ret_value, sizeof(*ret_value));
}

int regent_view_get_uint16(RegentView *view, const char *key, uint16_t *ret_value)
{
        return get_fixed(view, key, 'q', ret_value, sizeof(*ret_value));
}

int regent_view_get_int32(RegentView *view, const char *key, int32_t *ret_value)
{
        return get_fixed(view, key, 'i', ret_value, sizeof(*ret_value));
}

int regent_view_get_uint32(RegentView *view, const char *key, uint32_t *ret_value)
{
        return get_fixed(view, key, 'u', ret_value, sizeof(*ret_value));
}

int regent_view_get_int64(RegentView *view, const char *key, int64_t *ret_value)
{
        return get_fixed(view, key, 'x', ret_value, sizeof(*ret_value));
}

int regent_view_get_uint64(RegentView *view, const char *key, uint64_t *ret_value)
{
        return get_fixed(view, key, 't', ret_value, sizeof(*ret_value));
}

int regent_view_get_double(RegentView *view, const char *key, double *ret_value)
{
        return get_fixed(view, key, 'd', ret_value, sizeof(*ret_value));
}

int regent_view_get_string(RegentView *view, const char *key, const char **ret_value)
{
        ViewEntry found;
        const char *text;
        int r;

        r = find_typed(view, key, 's', &found);
        if (r < 0)
                return r;

        text = found.value;
        if (found.value_bytes == 0 || text[found.value_bytes - 1] != '\0')
                return -EBADMSG;

        view->has_lent = true;
        if (ret_value)
                *ret_value = text;
        return 0;
}
