/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A planted bug
 *
 * Preloaded into regentd, and into what reads its files, this makes every checksum the same: what a
 * program does that checks nothing. The explorer must notice.
 */

#include <stddef.h>
#include <stdint.h>

#define INTERPOSE __attribute__((visibility("default")))

uint64_t XXH3_64bits(const void *bytes, size_t n_bytes);
uint64_t XXH3_64bits_withSeed(const void *bytes, size_t n_bytes, uint64_t seed);

INTERPOSE uint64_t XXH3_64bits(const void *bytes, size_t n_bytes)
{
        (void) bytes;
        (void) n_bytes;
        return 1;
}

INTERPOSE uint64_t XXH3_64bits_withSeed(const void *bytes, size_t n_bytes, uint64_t seed)
{
        (void) bytes;
        (void) n_bytes;
        (void) seed;
        return 1;
}
