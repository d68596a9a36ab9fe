/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry
 *
 * A key, its value, and what is known of it. An entry never changes: a write puts a new one in its
 * place, so whoever holds a reference (a checkpoint, a batch under way, a reply) keeps what it saw.
 * One allocation holds everything; a million of 20-byte keys and 32-byte values must stay cheap.
 *
 * An entry without a type is a tombstone: it says that the key was deleted, and when.
 *
 * A key has one entry of no kernel release, persistent, runtime or of a session, and one of class kernel
 * for each release; which of them readers see is the namespace's to say.
 *
 * References are counted without atomics: only the thread of the event loop may touch them.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The numbers are part of the format on disk. */
typedef enum EntryClass {
        ENTRY_PERSISTENT = 0,
        ENTRY_KERNEL = 1, /* persistent, for one kernel release */
        ENTRY_RUNTIME = 2,
        ENTRY_SESSION = 3,   /* runtime, until the connection that wrote it ends */
        ENTRY_AS_SEEN = 255, /* of a change set alone: that of what readers see, else persistent */
} EntryClass;

typedef struct Entry {
        uint64_t revision;  /* of the commit that wrote it; 0 until that is known */
        uint64_t time_usec; /* since 1970 */
        uint32_t n_refs;
        uint32_t writer_uid;
        uint32_t value_bytes; /* of the GVariant's serialized form */
        uint32_t wire_bytes;  /* of the value in a D-Bus message, an upper bound of a few bytes */
        uint8_t class;        /* EntryClass */
        uint8_t key_bytes;    /* without the final NUL, as are the next */
        uint8_t type_bytes;
        uint8_t scope_bytes; /* of a release or a session; 0: of neither */
        /* Its neighbours in the history of the namespace that it is seen in, which alone touches them. */
        struct Entry *older, *newer;
        char text
                []; /* key, NUL, type, NUL, of a scope: that, NUL; padding to a multiple of 8, value */
} Entry;

typedef struct EntryPool EntryPool; /* core/entry-pool.h */

/* From a value in normal form, which is not kept. */
Entry *entry_new(const char *key, GVariant *value, EntryClass class);

/*
 * From serialized bytes, in this machine's byte order. 0, or -EBADMSG when they are not a valid
 * key, a valid type and a value of it in normal form.
 */
int entry_new_from_bytes(Entry **ret_entry,
                         const char *key,
                         size_t key_bytes,
                         const char *type,
                         size_t type_bytes,
                         const void *value,
                         size_t value_bytes,
                         EntryClass class);

/* The same, in memory of @pool, which may be NULL, if there is any. */
int entry_new_in_pool(Entry **ret_entry,
                      EntryPool *pool,
                      const char *key,
                      size_t key_bytes,
                      const char *type,
                      size_t type_bytes,
                      const void *value,
                      size_t value_bytes,
                      EntryClass class);

Entry *entry_new_tombstone(const char *key, EntryClass class);

/* For the place of @entry: of its key, class and release. */
Entry *entry_new_tombstone_of(const Entry *entry);

/* A copy of @entry, which may be a tombstone, of class kernel and of @release (not empty). */
Entry *entry_new_of_release(const Entry *entry, const char *release);

/* A copy of @entry of class session and of @session (core/session.h). Tombstones are of none. */
Entry *entry_new_of_session(const Entry *entry, const char *session);

/*
 * Makes @entry, which is in no history yet, what @other is, if nobody else has a reference to it and it
 * takes as much memory for as long a key. For a start alone: an entry that anybody may see never changes.
 */
bool entry_overwrite(Entry *entry, const Entry *other);

/* The memory that it takes. */
size_t entry_memory_bytes(const Entry *entry);

/* With nothing in common with @entry. */
Entry *entry_copy(const Entry *entry);

Entry *entry_ref(Entry *entry);
Entry *entry_unref(Entry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_unref)

static inline const char *entry_key(const Entry *entry)
{
        return entry->text;
}

static inline const char *entry_type(const Entry *entry)
{
        return entry->text + entry->key_bytes + 1;
}

/* The kernel release or the session it is of; "": neither. */
static inline const char *entry_scope(const Entry *entry)
{
        return entry->scope_bytes > 0 ? entry->text + entry->key_bytes + 1 + entry->type_bytes + 1
                                      : "";
}

/* The kernel release it is of; "" unless it is of class kernel. */
static inline const char *entry_release(const Entry *entry)
{
        return entry->class == ENTRY_KERNEL ? entry_scope(entry) : "";
}

/* The session it is of; "" unless it is of class session, and of its tombstones. */
static inline const char *entry_session(const Entry *entry)
{
        return entry->class == ENTRY_SESSION ? entry_scope(entry) : "";
}

static inline bool entry_is_tombstone(const Entry *entry)
{
        return entry->type_bytes == 0;
}

static inline bool entry_is_persistent(const Entry *entry)
{
        return entry->class == ENTRY_PERSISTENT || entry->class == ENTRY_KERNEL;
}

/* The serialized value; 8-byte aligned. */
const void *entry_value_bytes(const Entry *entry);

/* A full reference; it keeps @entry alive. Not for tombstones. */
GVariant *entry_value(Entry *entry);

/* Whether both hold the same value; revision, writer and class do not count. */
bool entry_value_equal(const Entry *a, const Entry *b);

/* Whether both hold the same value, in the same class and of the same session. */
bool entry_equal(const Entry *a, const Entry *b);

/* What the entry counts for in quotas: the bytes of key, release or session, and value. */
static inline uint64_t entry_usage(const Entry *entry)
{
        return entry_is_tombstone(entry)
                       ? 0
                       : (uint64_t) entry->key_bytes + entry->scope_bytes + entry->value_bytes;
}

/* What the entry takes at most in an a{sv}. */
static inline uint64_t entry_reply_bytes(const Entry *entry)
{
        return UINT64_C(24) + entry->key_bytes + entry->type_bytes + entry->wire_bytes;
}

const char *entry_class_name(EntryClass class);

/* The class a caller may ask for by @name, or -EINVAL. */
int entry_class_from_name(const char *name);
