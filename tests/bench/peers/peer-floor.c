/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: what cannot be done without
 *
 * A read is a look-up in a table in shared memory, where nothing is checked; a write is one pwrite() and fdatasync()
 * of 128 bytes along a file that is filled already. Neither is of any use to anybody.
 */

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WRITE_BYTES 128
#define FILE_BYTES  (4 << 20)

typedef struct Session {
        PeerPlace place;
        uint64_t mask;
        uint64_t *table; /* 0, or number of a record */
        char *records;   /* the first is none */
        size_t record_bytes;
        size_t memory_bytes;
        int log; /* -1: not yet */
        off_t offset;
} Session;

static int map(Session *session)
{
        g_autofree char *path = g_build_filename(session->place.where, "table", NULL);
        void *memory;
        int fd, r = 0;

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (ftruncate(fd, (off_t) session->memory_bytes) < 0)
                r = -errno;
        memory = r == 0 ? mmap(NULL, session->memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                               0)
                        : MAP_FAILED;
        if (r == 0 && memory == MAP_FAILED)
                r = -errno;
        (void) close(fd);
        if (r < 0)
                return r;

        session->table = memory;
        session->records = (char *) memory + (session->mask + 1) * sizeof(uint64_t);
        return 0;
}

static int floor_open(void **ret_session, const PeerPlace *place)
{
        Session *session = g_new0(Session, 1);

        *ret_session = session;
        session->place = *place;
        session->log = -1;
        session->mask = 1;
        while (session->mask + 1 < 2 * (uint64_t) place->n_keys)
                session->mask = session->mask * 2 + 1;
        session->record_bytes = PEER_KEY_SIZE + ((place->value_bytes + 8) & ~(size_t) 7);
        session->memory_bytes = (session->mask + 1) * sizeof(uint64_t) +
                                ((size_t) place->n_keys + 1) * session->record_bytes;
        return map(session);
}

/* Good enough for a table that nobody attacks. */
static uint64_t hash(const char *key)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (; *key; key++)
                h = (h ^ (uint8_t) *key) * UINT64_C(0x100000001b3);
        return h ^ (h >> 29);
}

static int floor_read(void *userdata, const char *key, PeerValue *ret_value)
{
        Session *session = userdata;
        uint64_t number;

        for (uint64_t at = hash(key); (number = session->table[at & session->mask]) != 0; at++) {
                const char *record = session->records + number * session->record_bytes;

                if (strcmp(record, key) == 0) {
                        *ret_value =
                                (PeerValue){ record + PEER_KEY_SIZE, session->place.value_bytes };
                        return 0;
                }
        }
        return -ENOENT;
}

static int floor_fill(void *userdata)
{
        Session *session = userdata;

        memset(session->table, 0, (session->mask + 1) * sizeof(uint64_t));
        for (uint32_t i = 0; i < session->place.n_keys; i++) {
                char *record = session->records + ((size_t) i + 1) * session->record_bytes;
                uint64_t at;

                memset(record, 0, PEER_KEY_SIZE);
                peer_make_key(record, i);
                peer_make_value(record + PEER_KEY_SIZE, session->place.value_bytes, 0, i);
                for (at = hash(record); session->table[at & session->mask] != 0;)
                        at++;
                session->table[at & session->mask] = (uint64_t) i + 1;
        }
        return 0;
}

static int open_log(Session *session)
{
        static const char filling[1 << 16] = { 1 };
        g_autofree char *path =
                g_strdup_printf("%s/log-%u", session->place.where, session->place.client);

        session->log = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (session->log < 0)
                return -errno;

        for (off_t offset = 0; offset < FILE_BYTES; offset += (off_t) sizeof filling)
                if (pwrite(session->log, filling, sizeof filling, offset) != sizeof filling)
                        return errno > 0 ? -errno : -EIO;
        return fsync(session->log) < 0 ? -errno : 0;
}

static int floor_write(void *userdata, const char *key, const char *value, size_t n_bytes)
{
        Session *session = userdata;
        char record[WRITE_BYTES] = { 0 };
        int r;

        if (session->log < 0) {
                r = open_log(session);
                if (r < 0)
                        return r;
        }

        (void) key;
        memcpy(record, value, MIN(n_bytes, sizeof record));
        if (pwrite(session->log, record, sizeof record, session->offset) != sizeof record)
                return errno > 0 ? -errno : -EIO;
        session->offset = (session->offset + WRITE_BYTES) % FILE_BYTES;
        return fdatasync(session->log) < 0 ? -errno : 0;
}

const Peer peer = {
        .open = floor_open,
        .fill = floor_fill,
        .read = floor_read,
        .write = floor_write,
};
