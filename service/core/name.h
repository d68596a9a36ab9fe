/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names
 *
 * The grammars of names that callers choose. All are subsets of printable ASCII, so a valid
 * name is safe in a log line, a file and a terminal.
 */

#include <stdbool.h>
#include <stddef.h>

/* Two or more labels [A-Za-z_][A-Za-z0-9_]* joined by dots, at most LIMIT_NAMESPACE_NAME_BYTES. */
bool namespace_name_is_valid(const char *name);

/* 1 to LIMIT_KEY_BYTES bytes of [A-Za-z0-9._:/-]. */
bool key_is_valid(const char *key);

/* The same of bytes that no NUL follows. */
bool key_bytes_are_valid(const char *bytes, size_t n_bytes);

/* What may begin a key, so also the empty string. */
bool key_prefix_is_valid(const char *prefix);

/* A kernel's release, as uname() has it: 1 to LIMIT_RELEASE_BYTES bytes of [A-Za-z0-9._+~@:=,-]. */
bool kernel_release_is_valid(const char *release);

/* @text in quotes for a message: hostile bytes escaped, cut when it is long. */
char *name_quote(const char *text);

/* Whether @key is also a legal D-Bus member name: bindings break on a property with any other. */
bool key_is_member_name(const char *key);
