/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * View reader
 *
 * What bounds a read (sizes, offsets, lengths) is loaded from the view once, into a variable, and
 * held against the mapping there: so memory that changes its mind cannot lead outside either.
 */

#include "client/view-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS_MAX     100000u
#define WAIT_USEC_MAX UINT64_C(1000000) /* see regent-view.h */

int view_reader_attach(ViewReader *reader, const void *memory, size_t size_bytes)
{
        RegentViewHeader h;
        uint64_t table_bytes;

        if (size_bytes < sizeof h)
                return -EBADMSG;

        /* Not what changes behind it. */
        memcpy(&h, memory, offsetof(RegentViewHeader, sequence));
        if (h.magic != REGENT_VIEW_MAGIC)
                return -EBADMSG;
        if (h.version != REGENT_VIEW_VERSION || h.incompatible != 0)
                return -EPROTONOSUPPORT;
        if (h.size_bytes != size_bytes || size_bytes / 8 > REGENT_VIEW_SLOT_WORD)
                return -EBADMSG;
        if (h.n_slots == 0 || (h.n_slots & (h.n_slots - 1)) != 0 || h.n_slots > size_bytes / 8)
                return -EBADMSG;

        table_bytes = h.n_slots * 8;
        if (h.table_offset < sizeof h || h.table_offset % 8 != 0 ||
            h.table_offset > size_bytes - table_bytes)
                return -EBADMSG;
        if (h.records_offset < h.table_offset + table_bytes || h.records_offset % 8 != 0 ||
            h.records_offset > size_bytes)
                return -EBADMSG;

        *reader = (ViewReader){
                .header = memory,
                .size_bytes = size_bytes,
                .table = (const void *) ((const char *) memory + h.table_offset),
                .slot_mask = h.n_slots - 1,
                .records_offset = h.records_offset,
                .last_offset = size_bytes - sizeof(RegentViewRecord),
                .hash_seed = h.hash_seed,
                .fd = -1,
        };
        return 0;
}

static int map(ViewReader *reader, int fd)
{
        struct stat status;
        void *memory;
        int r;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (status.st_size < (off_t) sizeof(RegentViewHeader))
                return -EBADMSG;

        memory = mmap(NULL, (size_t) status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return -errno;

        r = view_reader_attach(reader, memory, (size_t) status.st_size);
        if (r < 0)
                (void) munmap(memory, (size_t) status.st_size);
        return r;
}

int view_reader_open(ViewReader *reader, int fd)
{
        int seals, own, r;

        /* Reading what somebody cuts off meanwhile would be SIGBUS. */
        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || !(seals & F_SEAL_SHRINK))
                return -EBADMSG;

        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0)
                return -errno;
        r = map(reader, own);
        if (r < 0) {
                (void) close(own);
                return r;
        }

        reader->fd = own;
        return 0;
}

void view_reader_close(ViewReader *reader)
{
        if (reader->header && reader->fd >= 0) {
                (void) munmap((void *) (uintptr_t) reader->header, reader->size_bytes);
                (void) close(reader->fd);
        }
        *reader = (ViewReader){ .fd = -1 };
}

static const char *byte_at(const ViewReader *reader, uint64_t offset)
{
        return (const char *) reader->header + offset;
}

static inline uint64_t load_slot(const ViewReader *reader, uint64_t i)
{
        return __atomic_load_n(&reader->table[i & reader->slot_mask], __ATOMIC_ACQUIRE);
}

/* The record that a slot names, if all of it is within bounds. What bounds it is loaded once. */
static inline int find_record(const ViewReader *reader, uint64_t slot, ViewEntry *ret_entry)
{
        uint64_t offset = (slot & REGENT_VIEW_SLOT_WORD) * 8;
        const RegentViewRecord *record = (const void *) byte_at(reader, offset);
        uint32_t value_bytes;
        uint8_t key_bytes, type_bytes;

        if (offset < reader->records_offset || offset > reader->last_offset)
                return -EBADMSG;

        value_bytes = __atomic_load_n(&record->value_bytes, __ATOMIC_RELAXED);
        key_bytes = __atomic_load_n(&record->key_bytes, __ATOMIC_RELAXED);
        type_bytes = __atomic_load_n(&record->type_bytes, __ATOMIC_RELAXED);
        if (regent_view_record_bytes(key_bytes, type_bytes, value_bytes) >
            reader->size_bytes - offset)
                return -EBADMSG;

        *ret_entry = (ViewEntry){
                .key = (const char *) (record + 1),
                .value = (const char *) record + regent_view_value_offset(key_bytes, type_bytes),
                .revision = record->revision,
                .value_bytes = value_bytes,
                .key_bytes = key_bytes,
                .type_bytes = type_bytes,
                .entry_class = record->entry_class,
        };
        return 0;
}

/* Callers rely on the two NULs. */
static inline bool has_text_ends(const ViewEntry *entry)
{
        return entry->key[entry->key_bytes] == '\0' &&
               view_entry_type(entry)[entry->type_bytes] == '\0';
}

/* A call of memcmp() would take as long as the rest of a look-up. */
static inline bool is_key(const ViewEntry *entry, const char *key, size_t key_bytes)
{
        const char *other = entry->key;

        if (entry->key_bytes != key_bytes)
                return false;
        for (; key_bytes > 8; key += 8, other += 8, key_bytes -= 8)
                if (regent_view_load_bytes(key, 8) != regent_view_load_bytes(other, 8))
                        return false;
        return regent_view_load_bytes(key, key_bytes) == regent_view_load_bytes(other, key_bytes);
}

int view_reader_get(const ViewReader *reader,
                    const char *key,
                    size_t key_bytes,
                    ViewEntry *ret_entry)
{
        uint64_t hash = regent_view_hash(reader->hash_seed, key, key_bytes);

        for (unsigned n = 0; n < REGENT_VIEW_PROBES_MAX; n++) {
                uint64_t slot = load_slot(reader, hash + n);
                ViewEntry entry;
                int r;

                if (slot == 0)
                        return -ENOENT;
                if ((slot ^ hash) & REGENT_VIEW_SLOT_TAG)
                        continue;

                r = find_record(reader, slot, &entry);
                if (r < 0)
                        return r;
                if (!is_key(&entry, key, key_bytes))
                        continue;
                if (slot & REGENT_VIEW_SLOT_ABSENT)
                        return -ENOENT;
                if (!has_text_ends(&entry))
                        return -EBADMSG;
                *ret_entry = entry;
                return 0;
        }

        return -ENOENT;
}

int view_reader_get_fixed(const ViewReader *reader,
                          const char *key,
                          const char *type,
                          void *ret_value,
                          size_t n_bytes)
{
        ViewEntry entry;
        int r;

        r = view_reader_get(reader, key, strlen(key), &entry);
        if (r < 0)
                return r;
        if (entry.type_bytes != strlen(type) ||
            memcmp(view_entry_type(&entry), type, entry.type_bytes) != 0 ||
            entry.value_bytes != n_bytes)
                return -EMEDIUMTYPE;

        memcpy(ret_value, entry.value, n_bytes);
        return 0;
}

int view_reader_next(const ViewReader *reader, uint64_t *cursor, ViewEntry *ret_entry)
{
        while (*cursor <= reader->slot_mask) {
                uint64_t slot = load_slot(reader, (*cursor)++);
                ViewEntry entry;
                int r;

                if (slot == 0 || (slot & REGENT_VIEW_SLOT_ABSENT))
                        continue;

                r = find_record(reader, slot, &entry);
                if (r < 0)
                        return r;
                if (!has_text_ends(&entry))
                        return -EBADMSG;
                *ret_entry = entry;
                return 0;
        }

        return -ENOENT;
}

int view_reader_begin(const ViewReader *reader, uint32_t *ret_sequence)
{
        for (unsigned n = 0; n < SPINS_MAX; n++) {
                uint32_t sequence = view_reader_sequence(reader);

                if (sequence % 2 == 0) {
                        *ret_sequence = sequence;
                        return 0;
                }
#if defined(__x86_64__) || defined(__i386__)
                __builtin_ia32_pause();
#endif
        }

        return -EAGAIN;
}

/* No fence is needed before: slots are loaded with acquire, so none of them is loaded after this. */
bool view_reader_is_whole(const ViewReader *reader, uint32_t sequence)
{
        return __atomic_load_n(&reader->header->sequence, __ATOMIC_RELAXED) == sequence;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* Others may have read locks at most, as their descriptors cannot be written to. */
bool view_reader_is_orphaned(const ViewReader *reader)
{
        struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

        if (reader->fd < 0 || fcntl(reader->fd, F_OFD_GETLK, &lock) < 0)
                return false;
        /* It says why it ends before it lets go. */
        return lock.l_type == F_UNLCK && view_reader_state(reader) == REGENT_VIEW_LIVE;
}

int view_reader_wait(const ViewReader *reader, uint32_t sequence, uint64_t timeout_usec)
{
        uint64_t now = now_usec(), end;

        end = timeout_usec < UINT64_MAX - now ? now + timeout_usec : UINT64_MAX;
        while (view_reader_sequence(reader) == sequence) {
                struct timespec timeout;
                uint64_t left;

                if (view_reader_state(reader) != REGENT_VIEW_LIVE)
                        return 0;
                if (view_reader_is_orphaned(reader))
                        return -EOWNERDEAD;
                now = now_usec();
                if (now >= end)
                        return -ETIMEDOUT;

                left = end - now < WAIT_USEC_MAX ? end - now : WAIT_USEC_MAX;
                timeout = (struct timespec){ (time_t) (left / 1000000),
                                             (long) (left % 1000000 * 1000) };
                if (syscall(SYS_futex, &reader->header->sequence, FUTEX_WAIT, sequence, &timeout,
                            NULL, 0) < 0 &&
                    errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT)
                        return -errno;
        }

        return 0;
}
