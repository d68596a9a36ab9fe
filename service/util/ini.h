/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ini
 *
 * "Setting=value" lines in "[sections]", and comments after '#' or ';'. Not GKeyFile, because that
 * does not say in which line something is wrong, and gives a whole file up for one bad line.
 */

#include <stddef.h>
#include <stdint.h>

/* Told of each line that is neither empty nor a comment; lines count from 1. */
typedef struct IniReader {
        /* @section with what brackets it has: it begins with '['. */
        void (*on_section)(void *userdata, unsigned line, char *section);

        void (*on_setting)(void *userdata, unsigned line, const char *setting, char *value);

        /* It is neither; @text is the line, or NULL when it is not fit to be shown. */
        void (*on_fault)(void *userdata, unsigned line, const char *text, const char *why);

        size_t line_bytes_max;
        void *userdata;
} IniReader;

void ini_parse(const IniReader *reader, const char *text, size_t n_bytes);

/* Digits, and K, M or G: 0, -EINVAL or -ERANGE. */
int ini_parse_size(const char *text, uint64_t *ret_size);

/*
 * Microseconds, as systemd.time(7) has them: numbers with a unit each, of us, ms, s, min, h and d, added
 * up; without a unit seconds. "90", "1min 30s", "1.5min". 0, -EINVAL or -ERANGE.
 */
int ini_parse_timespan(const char *text, uint64_t *ret_usec);
