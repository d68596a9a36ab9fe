/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries the benchmarks store
 *
 * Written by hand where a client does it once a call: what a client spends on formatting counts as
 * time of the service it measures.
 */

#include "entry-text.h"

#include "client/regent-names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_PREFIX "bench/key-"

void entry_text_key(char ret_key[ENTRY_TEXT_KEY_SIZE], uint32_t index)
{
        char *digit = ret_key + ENTRY_TEXT_KEY_SIZE - 1;

        memcpy(ret_key, KEY_PREFIX, sizeof KEY_PREFIX - 1);
        *digit = '\0';
        while (digit > ret_key + sizeof KEY_PREFIX - 1) {
                *--digit = (char) ('0' + index % 10);
                index /= 10;
        }
}

static void write_hex(char ret_text[16], uint64_t number)
{
        for (int i = 15; i >= 0; i--) {
                ret_text[i] = "0123456789abcdef"[number & 15];
                number >>= 4;
        }
}

void entry_text_value(char ret_value[ENTRY_TEXT_VALUE_SIZE], uint64_t high, uint64_t low)
{
        write_hex(ret_value, high);
        write_hex(ret_value + 16, low);
        ret_value[ENTRY_TEXT_VALUE_SIZE - 1] = '\0';
}

void entry_text_namespace(char ret_name[ENTRY_TEXT_NAME_SIZE],
                          const char *name,
                          uint32_t n_namespaces,
                          uint32_t index)
{
        if (n_namespaces == 1)
                (void) snprintf(ret_name, ENTRY_TEXT_NAME_SIZE, "%s", name);
        else
                (void) snprintf(ret_name, ENTRY_TEXT_NAME_SIZE, "%s%" PRIu32, name, index);
}

void entry_text_path(char ret_path[ENTRY_TEXT_PATH_SIZE], const char *name)
{
        (void) snprintf(ret_path, ENTRY_TEXT_PATH_SIZE, "%s/%s", REGENT_NAMESPACES_PATH, name);
        for (char *c = ret_path + sizeof REGENT_NAMESPACES_PATH; *c; c++)
                if (*c == '.')
                        *c = '/';
}
