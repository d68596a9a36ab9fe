/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: view reader
 *
 * The input is a view, of which a byte that says how the header is helped to be plausible, or nothing, comes first.
 * Whatever is in it, no read goes outside: it is in a piece of memory of its own, which the sanitizer watches.
 */

#include "client/view-reader.h"
#include "fuzz.h"

#include <errno.h>
#include <glib.h>

#define INPUT_BYTES_MAX 65536u

/* Keys to look for; those of the corpus among them. */
static const char *const keys[] = { "a",     "mtu", "peers",
                                    "key/1", "",    "a-key-of-more-than-eight-bytes" };

static uint64_t sum;

static void touch(const void *bytes, size_t n_bytes)
{
        for (size_t i = 0; i < n_bytes; i++)
                sum += ((const uint8_t *) bytes)[i];
}

static void touch_entry(const ViewReader *reader, const ViewEntry *entry)
{
        const char *begin = (const char *) reader->header, *end = begin + reader->size_bytes;
        const char *value = entry->value;

        g_assert(entry->key >= begin && entry->key + entry->key_bytes < end);
        g_assert(view_entry_type(entry) >= begin &&
                 view_entry_type(entry) + entry->type_bytes < end);
        g_assert(value >= begin && value <= end && entry->value_bytes <= (size_t) (end - value));
        g_assert((uintptr_t) value % 8 == 0);
        g_assert(entry->key[entry->key_bytes] == '\0' &&
                 view_entry_type(entry)[entry->type_bytes] == '\0');
        touch(entry->key, entry->key_bytes + 1);
        touch(view_entry_type(entry), entry->type_bytes + 1);
        touch(entry->value, entry->value_bytes);
        touch(view_entry_origin(entry), sizeof *view_entry_origin(entry));
}

static void help(RegentViewHeader *header, uint8_t how, size_t n_bytes)
{
        if (how & 1) {
                header->magic = REGENT_VIEW_MAGIC;
                header->version = REGENT_VIEW_VERSION;
                header->incompatible = 0;
        }
        if (how & 2)
                header->size_bytes = n_bytes;
        if (how & 4) {
                header->table_offset = sizeof *header;
                header->n_slots = 16;
                header->records_offset = sizeof *header + UINT64_C(16) * 8;
        }
        header->sequence &= ~1u; /* or it is waited for */
}

static void read_all(const ViewReader *reader)
{
        ViewEntry entry;
        uint64_t cursor = 0, last;
        uint32_t sequence, number;
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                r = view_reader_get(reader, keys[i], strlen(keys[i]), &entry);
                g_assert(r == 0 || r == -ENOENT || r == -EBADMSG);
                if (r == 0) {
                        g_assert(strcmp(entry.key, keys[i]) == 0 ||
                                 strlen(entry.key) < entry.key_bytes);
                        touch_entry(reader, &entry);
                }
                (void) view_reader_get_fixed(reader, keys[i], "u", &number, sizeof number);
        }

        do {
                last = cursor;
                r = view_reader_next(reader, &cursor, &entry);
                if (r == 0)
                        touch_entry(reader, &entry);
                g_assert(r == -ENOENT || cursor > last);
        } while (r != -ENOENT);

        g_assert(view_reader_begin(reader, &sequence) == 0);
        g_assert(view_reader_is_whole(reader, sequence));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autofree void *memory = NULL;
        ViewReader reader;
        int r;

        if (n_bytes < 1 || n_bytes > INPUT_BYTES_MAX)
                return 0;

        memory = g_memdup2(input + 1, n_bytes - 1);
        if (n_bytes - 1 >= sizeof(RegentViewHeader))
                help(memory, input[0], n_bytes - 1);
        r = view_reader_attach(&reader, memory, n_bytes - 1);
        g_assert(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r == 0)
                read_all(&reader);
        return 0;
}
