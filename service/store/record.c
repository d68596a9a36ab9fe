/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records
 */

#include "store/record.h"

#include <string.h>
#include <xxhash.h>

#define HEADER_BYTES_MAX 4096u

static_assert(sizeof(sd_id128_t) == sizeof(((FileHeader *) NULL)->uuid), "format");

static uint64_t load_u64(const void *bytes)
{
        uint64_t little;

        memcpy(&little, bytes, sizeof little);
        return GUINT64_FROM_LE(little);
}

void file_header_make(FileHeader *header,
                      const char *magic,
                      sd_id128_t uuid,
                      sd_id128_t boot_id,
                      uint64_t base_revision,
                      uint64_t predecessor,
                      uint64_t created_usec)
{
        *header = (FileHeader){
                .version = GUINT32_TO_LE(FORMAT_VERSION),
                .header_bytes = GUINT32_TO_LE((uint32_t) sizeof *header),
                .compatible_features = GUINT64_TO_LE(FORMAT_COMPATIBLE),
                .incompatible_features = GUINT64_TO_LE(FORMAT_INCOMPATIBLE),
                .base_revision = GUINT64_TO_LE(base_revision),
                .predecessor = GUINT64_TO_LE(predecessor),
                .created_usec = GUINT64_TO_LE(created_usec),
        };
        memcpy(header->magic, magic, sizeof header->magic);
        memcpy(header->uuid, &uuid, sizeof header->uuid);
        memcpy(header->boot_id, &boot_id, sizeof header->boot_id);
        header->checksum = GUINT64_TO_LE(XXH3_64bits(header, offsetof(FileHeader, checksum)));
}

static bool format_is_known(uint32_t version, uint64_t incompatible_features)
{
        return version >= FORMAT_VERSION_OLDEST && version <= FORMAT_VERSION &&
               !(incompatible_features & ~FORMAT_INCOMPATIBLE);
}

int file_header_read(FileHeader *ret_header, const char *magic, const void *bytes, size_t n_bytes)
{
        FileHeader header;
        size_t header_bytes;

        if (n_bytes < sizeof header || memcmp(bytes, magic, sizeof header.magic) != 0)
                return RECORD_E_NONE;

        memcpy(&header, bytes, sizeof header);
        header.header_bytes = GUINT32_FROM_LE(header.header_bytes);
        header_bytes = header.header_bytes;
        if (header_bytes < sizeof header || header_bytes > MIN(n_bytes, HEADER_BYTES_MAX) ||
            header_bytes % 8 != 0)
                return RECORD_E_NONE;

        /* Also in a header that has grown, the checksum is its end. */
        header.checksum = load_u64((const char *) bytes + header_bytes - 8);
        if (header.checksum != XXH3_64bits(bytes, header_bytes - 8))
                return RECORD_E_NONE;

        header.version = GUINT32_FROM_LE(header.version);
        header.compatible_features = GUINT64_FROM_LE(header.compatible_features);
        header.incompatible_features = GUINT64_FROM_LE(header.incompatible_features);
        header.base_revision = GUINT64_FROM_LE(header.base_revision);
        header.predecessor = GUINT64_FROM_LE(header.predecessor);
        header.created_usec = GUINT64_FROM_LE(header.created_usec);
        *ret_header = header;
        return format_is_known(header.version, header.incompatible_features) ? 0 : RECORD_E_NEWER;
}

RecordPosition file_header_position(const FileHeader *header)
{
        RecordPosition position = {
                .offset = header->header_bytes,
                .previous = header->checksum,
        };

        memcpy(&position.uuid, header->uuid, sizeof position.uuid);
        return position;
}

/* Of @n_bytes that belong to the record of @revision at @offset. */
static uint64_t checksum_of(
        const void *bytes, size_t n_bytes, sd_id128_t uuid, uint64_t offset, uint64_t revision)
{
        struct {
                sd_id128_t uuid;
                uint64_t offset, revision;
        } place = { uuid, GUINT64_TO_LE(offset), GUINT64_TO_LE(revision) };

        static_assert(sizeof place == 32, "no padding is hashed");

        return XXH3_64bits_withSeed(bytes, n_bytes, XXH3_64bits(&place, sizeof place));
}

size_t record_begin(CodecBuffer *buffer)
{
        size_t begin = buffer->n_bytes;

        g_assert(begin % 8 == 0);
        memset(codec_extend(buffer, sizeof(RecordHeader)), 0, sizeof(RecordHeader));
        return begin;
}

void record_seal(CodecBuffer *buffer,
                 size_t begin,
                 const RecordHeader *header,
                 RecordPosition *position)
{
        size_t payload_bytes = buffer->n_bytes - begin - sizeof *header;
        size_t padding = -buffer->n_bytes % 8;
        size_t length;
        RecordHeader little;
        uint64_t checksum;

        g_assert(payload_bytes <= FORMAT_RECORD_BYTES_MAX - FORMAT_RECORD_OVERHEAD - 8);
        memset(codec_extend(buffer, padding), 0, padding);
        length = buffer->n_bytes - begin + sizeof checksum;

        little = (RecordHeader){
                .magic = GUINT32_TO_LE(FORMAT_RECORD_MAGIC),
                .length = GUINT32_TO_LE((uint32_t) length),
                .revision = GUINT64_TO_LE(header->revision),
                .time_usec = GUINT64_TO_LE(header->time_usec),
                .kind = GUINT16_TO_LE(header->kind),
                .flags = GUINT16_TO_LE(header->flags),
                .payload_bytes = GUINT32_TO_LE((uint32_t) payload_bytes),
                .durable = GUINT64_TO_LE(header->durable),
                .previous = GUINT64_TO_LE(position->previous),
        };
        little.checksum =
                GUINT64_TO_LE(checksum_of(&little, offsetof(RecordHeader, checksum), position->uuid,
                                          position->offset, header->revision));
        memcpy(buffer->bytes + begin, &little, sizeof little);

        checksum = checksum_of(buffer->bytes + begin, length - sizeof checksum, position->uuid,
                               position->offset, header->revision);
        position->previous = checksum;
        position->offset += length;

        checksum = GUINT64_TO_LE(checksum);
        codec_put_bytes(buffer, &checksum, sizeof checksum);
}

static RecordHeader load_header(const void *bytes)
{
        RecordHeader header;

        memcpy(&header, bytes, sizeof header);
        header.magic = GUINT32_FROM_LE(header.magic);
        header.length = GUINT32_FROM_LE(header.length);
        header.revision = GUINT64_FROM_LE(header.revision);
        header.time_usec = GUINT64_FROM_LE(header.time_usec);
        header.kind = GUINT16_FROM_LE(header.kind);
        header.flags = GUINT16_FROM_LE(header.flags);
        header.payload_bytes = GUINT32_FROM_LE(header.payload_bytes);
        header.durable = GUINT64_FROM_LE(header.durable);
        header.previous = GUINT64_FROM_LE(header.previous);
        header.checksum = GUINT64_FROM_LE(header.checksum);
        return header;
}

size_t record_length(const void *bytes, sd_id128_t uuid, uint64_t offset)
{
        RecordHeader header = load_header(bytes);
        uint64_t expected =
                FORMAT_RECORD_OVERHEAD + (((uint64_t) header.payload_bytes + 7) & ~UINT64_C(7));

        if (header.magic != FORMAT_RECORD_MAGIC || header.length != expected ||
            header.length > FORMAT_RECORD_BYTES_MAX)
                return 0;
        if (header.checksum !=
            checksum_of(bytes, offsetof(RecordHeader, checksum), uuid, offset, header.revision))
                return 0;
        return header.length;
}

int record_verify(Record *ret_record, const void *bytes, sd_id128_t uuid, uint64_t offset)
{
        RecordHeader header = load_header(bytes);
        uint64_t checksum = load_u64((const char *) bytes + header.length - sizeof checksum);

        if (checksum !=
            checksum_of(bytes, header.length - sizeof checksum, uuid, offset, header.revision))
                return RECORD_E_NONE;

        *ret_record = (Record){
                .header = header,
                .offset = offset,
                .checksum = checksum,
                .payload = (const uint8_t *) bytes + sizeof header,
        };
        return 0;
}
