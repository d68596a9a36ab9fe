/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The entries the benchmarks store: keys of 20 bytes, values that are strings of 32, and the names
 * of the namespaces they are in. Every buffer includes the final NUL.
 */

#include <stdint.h>

#define ENTRY_TEXT_KEY_SIZE   21
#define ENTRY_TEXT_VALUE_SIZE 33
#define ENTRY_TEXT_NAME_SIZE  256
#define ENTRY_TEXT_PATH_SIZE  512

void entry_text_key(char ret_key[ENTRY_TEXT_KEY_SIZE], uint32_t index);

/* The same two numbers give the same text. */
void entry_text_value(char ret_value[ENTRY_TEXT_VALUE_SIZE], uint64_t high, uint64_t low);

/* Of @n_namespaces that share @name: @name itself when it is one, else @name and @index. */
void entry_text_namespace(char ret_name[ENTRY_TEXT_NAME_SIZE],
                          const char *name,
                          uint32_t n_namespaces,
                          uint32_t index);

/* Where the namespace's object is on the bus. */
void entry_text_path(char ret_path[ENTRY_TEXT_PATH_SIZE], const char *name);
