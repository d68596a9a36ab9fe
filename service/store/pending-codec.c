/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pending codec
 */

#include "store/pending-codec.h"

#include "core/limits.h"
#include "core/name.h"
#include "store/entry-codec.h"

#include <errno.h>
#include <string.h>

#define NAMESPACE_BYTES_MIN 2

static void put_way_back(CodecBuffer *buffer, const WayBack *way_back)
{
        codec_put_string(buffer, way_back->name, strlen(way_back->name));
        codec_put_number(buffer, way_back->entries->len);
        for (guint i = 0; i < way_back->entries->len; i++)
                entry_codec_put(buffer, way_back->entries->pdata[i]);
}

void pending_codec_put(CodecBuffer *buffer, const PendingChange *change)
{
        codec_put_number(buffer, change->deadline_usec);
        codec_put_bytes(buffer, change->boot_id, sizeof change->boot_id);
        codec_put_bytes(buffer, change->digest, sizeof change->digest);
        codec_put_number(buffer, change->ways_back->len);
        for (guint i = 0; i < change->ways_back->len; i++)
                put_way_back(buffer, change->ways_back->pdata[i]);
}

static int get_entries(CodecReader *reader, PendingChange *change, WayBack *way_back)
{
        size_t n = codec_get_count(reader, ENTRY_CODEC_BYTES_MIN - 1);

        for (size_t i = 0; i < n; i++) {
                Entry *entry;
                int r;

                r = entry_codec_read(&entry, reader);
                if (r < 0)
                        return r;
                pending_change_add_entry(change, way_back, entry);
        }

        return n > 0 ? 0 : -EBADMSG;
}

static int get_way_back(CodecReader *reader, PendingChange *change)
{
        char name[LIMIT_NAMESPACE_NAME_BYTES + 1];
        const char *bytes;
        size_t n_bytes;

        bytes = codec_get_string(reader, LIMIT_NAMESPACE_NAME_BYTES, &n_bytes);
        if (!bytes)
                return -EBADMSG;
        memcpy(name, bytes, n_bytes);
        name[n_bytes] = '\0';
        if (strlen(name) != n_bytes || !namespace_name_is_valid(name))
                return -EBADMSG;

        return get_entries(reader, change, pending_change_add_namespace(change, name));
}

static void get_fixed(CodecReader *reader, uint8_t *ret_bytes, size_t n_bytes)
{
        const void *bytes = codec_get_bytes(reader, n_bytes);

        if (bytes)
                memcpy(ret_bytes, bytes, n_bytes);
}

int pending_codec_get(PendingChange **ret_change,
                      CodecReader *reader,
                      uint64_t revision,
                      uint32_t writer_uid)
{
        g_autoptr(PendingChange) change = pending_change_new(revision, writer_uid);
        size_t n;

        change->deadline_usec = codec_get_number(reader);
        get_fixed(reader, change->boot_id, sizeof change->boot_id);
        get_fixed(reader, change->digest, sizeof change->digest);
        n = codec_get_count(reader, NAMESPACE_BYTES_MIN);
        if (reader->is_bad || n == 0)
                return -EBADMSG;

        for (size_t i = 0; i < n; i++) {
                int r = get_way_back(reader, change);

                if (r < 0)
                        return r;
        }

        *ret_change = g_steal_pointer(&change);
        return 0;
}
