/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry codec
 */

#include "store/entry-codec.h"

#include "core/limits.h"
#include "core/name.h"
#include "core/session.h"

#include <errno.h>
#include <string.h>

#define TOMBSTONE_BIT   0x80u
#define SCOPE_BYTES_MAX SESSION_BYTES_MAX /* the larger of the two */

/* What an entry takes at most beside its texts and its value: the class, and how long those four are. */
#define PUT_BYTES_MAX (1 + 4 * CODEC_NUMBER_BYTES_MAX)

G_STATIC_ASSERT(LIMIT_RELEASE_BYTES <= SCOPE_BYTES_MAX);

static uint8_t *store_swapped(uint8_t *at, Entry *entry)
{
        g_autoptr(GVariant) value = entry_value(entry);
        g_autoptr(GVariant) swapped = g_variant_byteswap(value);

        return codec_store_string(at, g_variant_get_data(swapped), entry->value_bytes);
}

static uint8_t *store_value(uint8_t *at, Entry *entry)
{
        if (G_BYTE_ORDER != G_LITTLE_ENDIAN)
                return store_swapped(at, entry);
        return codec_store_string(at, entry_value_bytes(entry), entry->value_bytes);
}

/* Whether such an entry is of a release or of a session. */
static bool entry_is_scoped(EntryClass class, bool is_tombstone)
{
        return class == ENTRY_KERNEL || (class == ENTRY_SESSION && !is_tombstone);
}

void entry_codec_put(CodecBuffer *buffer, Entry *entry)
{
        bool is_tombstone = entry_is_tombstone(entry);
        size_t n_text = (size_t) entry->key_bytes + entry->scope_bytes + entry->type_bytes;
        uint8_t *at = codec_make_room(buffer, PUT_BYTES_MAX + n_text + entry->value_bytes);

        *at++ = (uint8_t) (entry->class | (is_tombstone ? TOMBSTONE_BIT : 0));
        at = codec_store_string(at, entry_key(entry), entry->key_bytes);
        if (entry_is_scoped((EntryClass) entry->class, is_tombstone))
                at = codec_store_string(at, entry_scope(entry), entry->scope_bytes);
        if (!is_tombstone) {
                at = codec_store_string(at, entry_type(entry), entry->type_bytes);
                at = store_value(at, entry);
        }
        codec_end_at(buffer, at);
}

void entry_codec_get(CodecReader *reader, EntryView *ret_view)
{
        EntryView view = { 0 };
        uint8_t class = codec_get_byte(reader);

        view.class = (EntryClass) (class & ~TOMBSTONE_BIT);
        view.is_tombstone = class & TOMBSTONE_BIT;
        if (view.class > ENTRY_SESSION)
                codec_refuse(reader);

        view.key = codec_get_string(reader, LIMIT_KEY_BYTES, &view.key_bytes);
        if (view.key_bytes == 0)
                codec_refuse(reader);
        if (entry_is_scoped(view.class, view.is_tombstone)) {
                view.scope = codec_get_string(reader, SCOPE_BYTES_MAX, &view.scope_bytes);
                if (view.scope_bytes == 0)
                        codec_refuse(reader);
        }
        if (!view.is_tombstone) {
                view.type = codec_get_string(reader, LIMIT_TYPE_BYTES, &view.type_bytes);
                view.value = codec_get_string(reader, UINT32_MAX, &view.value_bytes);
                if (view.type_bytes == 0)
                        codec_refuse(reader);
        }

        *ret_view = view;
}

/* Makes an entry of big-endian bytes out of little-endian ones. */
static int make_swapped(Entry **ret_entry, const EntryView *view)
{
        g_autofree char *type = g_strndup(view->type, view->type_bytes);
        g_autofree void *bytes = g_memdup2(view->value, view->value_bytes);
        g_autoptr(GVariant) value = NULL;
        g_autoptr(GVariant) swapped = NULL;

        if (!g_variant_type_string_is_valid(type))
                return -EBADMSG;

        value = g_variant_ref_sink(g_variant_new_from_data(G_VARIANT_TYPE(type), bytes,
                                                           view->value_bytes, FALSE, NULL, NULL));
        swapped = g_variant_byteswap(value);
        return entry_new_from_bytes(ret_entry, view->key, view->key_bytes, type, view->type_bytes,
                                    g_variant_get_data(swapped), g_variant_get_size(swapped),
                                    view->class);
}

static int make_tombstone(Entry **ret_entry, const EntryView *view)
{
        g_autofree char *key = NULL;

        if (!key_bytes_are_valid(view->key, view->key_bytes))
                return -EBADMSG;

        key = g_strndup(view->key, view->key_bytes);
        *ret_entry = entry_new_tombstone(key, view->class);
        return 0;
}

static int make_of_no_scope(Entry **ret_entry, EntryPool *pool, const EntryView *view)
{
        if (view->is_tombstone)
                return make_tombstone(ret_entry, view);
        if (G_BYTE_ORDER != G_LITTLE_ENDIAN)
                return make_swapped(ret_entry, view);
        return entry_new_in_pool(ret_entry, pool, view->key, view->key_bytes, view->type,
                                 view->type_bytes, view->value, view->value_bytes, view->class);
}

static int make_scoped(Entry **ret_entry, const Entry *entry, const EntryView *view)
{
        char scope[SCOPE_BYTES_MAX + 1];

        memcpy(scope, view->scope, view->scope_bytes);
        scope[view->scope_bytes] = '\0';
        if (strlen(scope) != view->scope_bytes)
                return -EBADMSG;

        if (view->class == ENTRY_KERNEL && kernel_release_is_valid(scope))
                *ret_entry = entry_new_of_release(entry, scope);
        else if (view->class == ENTRY_SESSION && session_is_valid(scope))
                *ret_entry = entry_new_of_session(entry, scope);
        else
                return -EBADMSG;
        return 0;
}

int entry_codec_make(Entry **ret_entry, EntryPool *pool, const EntryView *view)
{
        g_autoptr(Entry) entry = NULL;
        int r;

        r = make_of_no_scope(&entry, pool, view);
        if (r < 0)
                return r;
        if (view->scope)
                return make_scoped(ret_entry, entry, view);

        *ret_entry = g_steal_pointer(&entry);
        return 0;
}

int entry_codec_read(Entry **ret_entry, CodecReader *reader)
{
        EntryView view;

        entry_codec_get(reader, &view);
        return reader->is_bad ? -EBADMSG : entry_codec_make(ret_entry, NULL, &view);
}
