/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A planted bug
 *
 * Preloaded into regentd, this lets what a change that waits for a confirmation goes back to be another
 * value in the journal than it was: a record goes by here before it has its checksum. Values are
 * "waits: NUMBER …"; the way back stands in front, and has earlier numbers.
 */

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INTERPOSE __attribute__((visibility("default")))

#define RECORD_MAGIC        "RGRC"
#define RECORD_KIND_OFFSET  24
#define RECORD_KIND_PENDING 4
#define RECORD_HEADER_BYTES 56

#define MARK "waits: "

uint64_t XXH3_64bits_withSeed(const void *bytes, size_t n_bytes, uint64_t seed);

static void spoil(char *bytes, size_t n_bytes)
{
        char *first = memmem(bytes, n_bytes, MARK, strlen(MARK)), *last = first;

        for (char *at = first; at;) {
                last = at;
                at = memmem(at + 1, n_bytes - (size_t) (at + 1 - bytes), MARK, strlen(MARK));
        }
        if (first && atoi(first + strlen(MARK)) < atoi(last + strlen(MARK)))
                *first = 'W';
}

INTERPOSE uint64_t XXH3_64bits_withSeed(const void *bytes, size_t n_bytes, uint64_t seed)
{
        static uint64_t (*next)(const void *, size_t, uint64_t);
        const char *record = bytes;

        if (!next)
                next = (uint64_t(*)(const void *, size_t, uint64_t)) dlsym(RTLD_NEXT,
                                                                           "XXH3_64bits_withSeed");
        if (n_bytes > RECORD_HEADER_BYTES && memcmp(record, RECORD_MAGIC, 4) == 0 &&
            record[RECORD_KIND_OFFSET] == RECORD_KIND_PENDING)
                spoil((char *) (uintptr_t) record, n_bytes);
        return next(bytes, n_bytes, seed);
}
