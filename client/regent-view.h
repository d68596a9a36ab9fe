/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The layout of a view
 *
 * A view is one namespace in memory that regentd shares and nobody else can write. It is one file
 * without a name, of fixed size, that Namespace.OpenView gives a read-only descriptor of:
 *
 *   header    256 bytes; the first 128 never change, and those behind do
 *   table     n_slots (a power of two) slots of 64 bits, open addressing
 *   records   at multiples of 8 bytes; what is published never changes
 *
 * A slot is 0 (never used), or holds 23 bits of the key's hash, a bit that says "not there any more",
 * and where its record is, in units of 8 bytes from the beginning. A key keeps its slot for good,
 * and is found in the first REGENT_VIEW_PROBES_MAX slots from hash & (n_slots - 1) on, going round,
 * or it is not there. A record is written before the slot that names it is stored (release), so
 * whoever has loaded the slot (acquire) sees all of it, and may keep pointers into it for as long as
 * the view is mapped.
 *
 * A commit is published between two steps of `sequence`, which is odd meanwhile: what was
 * read while it did not change is of one revision. It is the futex on which readers wait for
 * changes, too. FUTEX_REQUEUE lets one reader take away another's wake-up, so nobody should wait
 * longer than a second without looking.
 *
 * When regentd has no more use for a view, it sets `state` and leaves it as it is: the values stay,
 * and nothing follows. A regentd that is killed sets nothing, and may leave `sequence` odd. But as
 * long as it lives it has a write lock on the whole file (F_OFD_SETLK), which nobody else can have:
 * so a view is orphaned when its state is LIVE and F_OFD_GETLK for a read lock finds no lock in the
 * way; to be asked in this order: the lock first, then the state. That is one system call on the
 * descriptor of OpenView; whoever waits asks each time before going to sleep. An orphaned view holds
 * what was durable when regentd died, of its last commit perhaps a part. Its follower is to be had
 * once org.regentd.State1 is on the bus again.
 *
 * Numbers are in the byte order of the machine, and so are values: those of a GVariant in normal
 * form, 8-aligned.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REGENT_VIEW_MAGIC      UINT64_C(0x3177656956676552) /* "RegView1" */
#define REGENT_VIEW_VERSION    1u
#define REGENT_VIEW_PROBES_MAX 256u

/* What `state` says. All but the first are for good. */
typedef enum RegentViewState {
        REGENT_VIEW_LIVE = 0,
        REGENT_VIEW_FULL = 1,    /* there was no room left: open the next one */
        REGENT_VIEW_REVOKED = 2, /* the access has changed: ask again */
        REGENT_VIEW_REMOVED = 3, /* the namespace is gone, or is another one by that name */
        REGENT_VIEW_REPLACED =
                4, /* too much changed at once, or nobody seemed to read: open the next */
        REGENT_VIEW_STOPPED = 5, /* regentd has ended */
} RegentViewState;

typedef struct RegentViewHeader {
        uint64_t magic;
        uint32_t version;
        uint32_t incompatible; /* features without which it cannot be read: none yet */
        uint64_t size_bytes;   /* of all */
        uint64_t table_offset;
        uint64_t n_slots;
        uint64_t records_offset; /* to the end */
        uint64_t hash_seed;
        uint64_t generation; /* one more for each view that this regentd makes */
        uint64_t reserved[8];
        /* from here on it changes */
        uint32_t sequence; /* odd while something is being published; a futex */
        uint32_t state;    /* RegentViewState */
        uint64_t revision; /* of the last commit in it that concerned the namespace */
        uint64_t n_keys;
        uint64_t unused[13];
} RegentViewHeader;

_Static_assert(sizeof(RegentViewHeader) == 256, "the header has 256 bytes");
_Static_assert(offsetof(RegentViewHeader, sequence) == 128, "what changes is apart");

/* What a look-up needs is close together; what is asked for less stands behind the value. */
typedef struct RegentViewRecord {
        uint64_t revision; /* of the commit that wrote it; 0: a declared default */
        uint32_t value_bytes;
        uint8_t key_bytes; /* without the NUL behind it, as is the next */
        uint8_t type_bytes;
        uint8_t entry_class; /* 0 persistent, 1 kernel, 2 runtime, 3 session */
        uint8_t reserved;
        /* key, NUL, type, NUL; zeros to a multiple of 8; value; zeros likewise; RegentViewOrigin */
} RegentViewRecord;

typedef struct RegentViewOrigin {
        uint64_t time_usec; /* since 1970 */
        uint32_t writer_uid;
        uint32_t reserved;
} RegentViewOrigin;

_Static_assert(sizeof(RegentViewRecord) == 16, "a record begins with 16 bytes");
_Static_assert(sizeof(RegentViewOrigin) == 16, "a record ends with 16 bytes");

#define REGENT_VIEW_SLOT_TAG    UINT64_C(0xfffffe0000000000)
#define REGENT_VIEW_SLOT_ABSENT UINT64_C(0x0000010000000000)
#define REGENT_VIEW_SLOT_WORD   UINT64_C(0x000000ffffffffff)

static inline uint64_t regent_view_load_bytes(const char *bytes, size_t n_bytes)
{
        uint64_t word = 0;
        uint32_t low, high;

        if (n_bytes >= 8) {
                memcpy(&word, bytes, 8);
        } else if (n_bytes >= 4) {
                memcpy(&low, bytes, 4);
                memcpy(&high, bytes + n_bytes - 4, 4);
                word = (uint64_t) high << 32 | low;
        } else if (n_bytes > 0) {
                word = (uint64_t) (uint8_t) bytes[0] << 16 |
                       (uint64_t) (uint8_t) bytes[n_bytes / 2] << 8 | (uint8_t) bytes[n_bytes - 1];
        }
        return word;
}

/* Of a key; the same bytes give the same number on machines of one byte order. */
static inline uint64_t regent_view_hash(uint64_t seed, const char *key, size_t n_bytes)
{
        uint64_t hash = seed ^ (n_bytes * UINT64_C(0x9e3779b97f4a7c15));

        for (; n_bytes > 8; key += 8, n_bytes -= 8) {
                hash = (hash ^ regent_view_load_bytes(key, 8)) * UINT64_C(0xff51afd7ed558ccd);
                hash ^= hash >> 32;
        }
        hash = (hash ^ regent_view_load_bytes(key, n_bytes)) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        hash *= UINT64_C(0xc4ceb9fe1a85ec53);
        return hash ^ hash >> 29;
}

/* Where the value begins in a record of such a key and type; what stands before it is padded to 8. */
static inline uint64_t regent_view_value_offset(uint64_t key_bytes, uint64_t type_bytes)
{
        return (sizeof(RegentViewRecord) + key_bytes + 1 + type_bytes + 1 + 7) & ~UINT64_C(7);
}

/* Where its origin stands. */
static inline uint64_t regent_view_origin_offset(uint64_t key_bytes,
                                                 uint64_t type_bytes,
                                                 uint64_t value_bytes)
{
        return (regent_view_value_offset(key_bytes, type_bytes) + value_bytes + 7) & ~UINT64_C(7);
}

/* All of it. */
static inline uint64_t regent_view_record_bytes(uint64_t key_bytes,
                                                uint64_t type_bytes,
                                                uint64_t value_bytes)
{
        return regent_view_origin_offset(key_bytes, type_bytes, value_bytes) +
               sizeof(RegentViewOrigin);
}
