/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry
 */

#include "core/entry.h"

#include "core/entry-pool.h"
#include "core/limits.h"
#include "core/name.h"
#include "core/session.h"
#include "core/value-bytes.h"
#include "core/value.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const class_names[] = {
        [ENTRY_PERSISTENT] = "persistent",
        [ENTRY_KERNEL] = "kernel",
        [ENTRY_RUNTIME] = "runtime",
        [ENTRY_SESSION] = "session",
};

/* GVariant wants its data aligned for the widest type. */
static size_t value_offset(size_t key_bytes, size_t type_bytes, size_t scope_bytes)
{
        return (offsetof(Entry, text) + key_bytes + 1 + type_bytes + 1 +
                (scope_bytes > 0 ? scope_bytes + 1 : 0) + 7) &
               ~(size_t) 7;
}

/* Returns where the next begins. */
static char *put_text(char *at, const char *text, size_t n_bytes)
{
        memcpy(at, text, n_bytes);
        at[n_bytes] = '\0';
        return at + n_bytes + 1;
}

static Entry *entry_allocate(EntryPool *pool,
                             const char *key,
                             size_t key_bytes,
                             const char *type,
                             size_t type_bytes,
                             const char *scope,
                             size_t scope_bytes,
                             size_t value_bytes,
                             EntryClass class)
{
        Entry *entry;
        char *text;

        g_assert(key_bytes > 0 && key_bytes <= LIMIT_KEY_BYTES && type_bytes <= LIMIT_TYPE_BYTES);
        g_assert(value_bytes <= UINT32_MAX && scope_bytes <= SESSION_BYTES_MAX);

        entry = entry_pool_take(pool,
                                value_offset(key_bytes, type_bytes, scope_bytes) + value_bytes);
        *entry = (Entry){
                .n_refs = 1,
                .value_bytes = (uint32_t) value_bytes,
                .class = (uint8_t) class,
                .key_bytes = (uint8_t) key_bytes,
                .type_bytes = (uint8_t) type_bytes,
                .scope_bytes = (uint8_t) scope_bytes,
        };
        text = put_text(entry->text, key, key_bytes);
        text = put_text(text, type, type_bytes);
        if (scope_bytes > 0)
                (void) put_text(text, scope, scope_bytes);
        return entry;
}

static void *value_of(Entry *entry)
{
        return (char *) entry +
               value_offset(entry->key_bytes, entry->type_bytes, entry->scope_bytes);
}

static uint32_t clamp_wire_bytes(uint64_t n_bytes)
{
        return n_bytes < UINT32_MAX ? (uint32_t) n_bytes : UINT32_MAX;
}

Entry *entry_new(const char *key, GVariant *value, EntryClass class)
{
        const char *type = g_variant_get_type_string(value);
        Entry *entry;

        entry = entry_allocate(NULL, key, strlen(key), type, strlen(type), "", 0,
                               g_variant_get_size(value), class);
        g_variant_store(value, value_of(entry));
        entry->wire_bytes = clamp_wire_bytes(value_wire_bytes(value));
        return entry;
}

int entry_new_from_bytes(Entry **ret_entry,
                         const char *key,
                         size_t key_bytes,
                         const char *type,
                         size_t type_bytes,
                         const void *value,
                         size_t value_bytes,
                         EntryClass class)
{
        return entry_new_in_pool(ret_entry, NULL, key, key_bytes, type, type_bytes, value,
                                 value_bytes, class);
}

/* A type of one byte has no zero within: that would be none at all. */
static bool has_type(const Entry *entry)
{
        return (entry->type_bytes == 1 || strlen(entry_type(entry)) == entry->type_bytes) &&
               value_type_is_valid(entry_type(entry));
}

int entry_new_in_pool(Entry **ret_entry,
                      EntryPool *pool,
                      const char *key,
                      size_t key_bytes,
                      const char *type,
                      size_t type_bytes,
                      const void *value,
                      size_t value_bytes,
                      EntryClass class)
{
        g_autoptr(Entry) entry = NULL;
        uint64_t wire_bytes;

        if (type_bytes == 0 || type_bytes > LIMIT_TYPE_BYTES || value_bytes > UINT32_MAX ||
            !key_bytes_are_valid(key, key_bytes))
                return -EBADMSG;

        entry = entry_allocate(pool, key, key_bytes, type, type_bytes, "", 0, value_bytes, class);
        if (!has_type(entry))
                return -EBADMSG;

        memcpy(value_of(entry), value, value_bytes);
        if (!value_bytes_are_normal(entry_type(entry), value_of(entry), value_bytes, &wire_bytes))
                return -EBADMSG;

        entry->wire_bytes = clamp_wire_bytes(wire_bytes);
        *ret_entry = g_steal_pointer(&entry);
        return 0;
}

Entry *entry_new_tombstone(const char *key, EntryClass class)
{
        return entry_allocate(NULL, key, strlen(key), "", 0, "", 0, 0, class);
}

Entry *entry_new_tombstone_of(const Entry *entry)
{
        const char *release = entry_release(entry);

        return entry_allocate(NULL, entry_key(entry), entry->key_bytes, "", 0, release,
                              strlen(release), 0, (EntryClass) entry->class);
}

static Entry *copy_of_scope(const Entry *entry, const char *scope, EntryClass class)
{
        Entry *copy;

        g_assert(*scope);

        copy = entry_allocate(NULL, entry_key(entry), entry->key_bytes, entry_type(entry),
                              entry->type_bytes, scope, strlen(scope), entry->value_bytes, class);
        if (!entry_is_tombstone(entry))
                memcpy(value_of(copy), entry_value_bytes(entry), entry->value_bytes);
        copy->wire_bytes = entry->wire_bytes;
        return copy;
}

Entry *entry_new_of_release(const Entry *entry, const char *release)
{
        return copy_of_scope(entry, release, ENTRY_KERNEL);
}

Entry *entry_new_of_session(const Entry *entry, const char *session)
{
        g_assert(!entry_is_tombstone(entry));

        return copy_of_scope(entry, session, ENTRY_SESSION);
}

size_t entry_memory_bytes(const Entry *entry)
{
        return value_offset(entry->key_bytes, entry->type_bytes, entry->scope_bytes) +
               entry->value_bytes;
}

bool entry_overwrite(Entry *entry, const Entry *other)
{
        if (entry->n_refs > 1 || entry->key_bytes != other->key_bytes ||
            entry->type_bytes != other->type_bytes || entry->scope_bytes != other->scope_bytes ||
            entry->value_bytes != other->value_bytes)
                return false;

        memcpy(entry, other, entry_memory_bytes(entry));
        entry->n_refs = 1;
        return true;
}

Entry *entry_copy(const Entry *entry)
{
        Entry *copy = g_memdup2(entry, entry_memory_bytes(entry));

        copy->n_refs = 1;
        copy->older = copy->newer = NULL;
        return copy;
}

Entry *entry_ref(Entry *entry)
{
        entry->n_refs++;
        return entry;
}

Entry *entry_unref(Entry *entry)
{
        if (entry && --entry->n_refs == 0)
                g_free(entry);
        return NULL;
}

const void *entry_value_bytes(const Entry *entry)
{
        return (const char *) entry +
               value_offset(entry->key_bytes, entry->type_bytes, entry->scope_bytes);
}

static void on_variant_gone(gpointer entry)
{
        entry_unref(entry);
}

GVariant *entry_value(Entry *entry)
{
        g_assert(!entry_is_tombstone(entry));

        return g_variant_ref_sink(g_variant_new_from_data(
                G_VARIANT_TYPE(entry_type(entry)), entry_value_bytes(entry), entry->value_bytes,
                TRUE, on_variant_gone, entry_ref(entry)));
}

bool entry_value_equal(const Entry *a, const Entry *b)
{
        /* Normal form: equal values have equal bytes. */
        return a->value_bytes == b->value_bytes && strcmp(entry_type(a), entry_type(b)) == 0 &&
               memcmp(entry_value_bytes(a), entry_value_bytes(b), a->value_bytes) == 0;
}

bool entry_equal(const Entry *a, const Entry *b)
{
        return a->class == b->class && entry_value_equal(a, b) &&
               strcmp(entry_session(a), entry_session(b)) == 0;
}

const char *entry_class_name(EntryClass class)
{
        return class_names[class];
}

int entry_class_from_name(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(class_names); i++)
                if (strcmp(class_names[i], name) == 0)
                        return (int) i;

        return -EINVAL;
}
