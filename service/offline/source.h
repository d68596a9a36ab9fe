/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Source
 *
 * What a state directory is to be recovered from: a backup or any other checkpoint, a directory with
 * files of a state directory, or the last known good state. Read into memory whole, before anything
 * else is touched.
 */

#include "core/state.h"

#include <stdbool.h>
#include <stdint.h>

#define SOURCE_LAST_GOOD "last-known-good"

typedef struct Source {
        State *state;
        uint64_t revision;
        uint64_t created_usec; /* 0: not known */
        const char *damage;    /* what is missing, with @is_forced; static, or NULL */
} Source;

/* @is_forced: also when something is damaged. 0, or -EPROTO: the failure has been told. */
int source_read(Source *ret_source, const char *from, const char *state_directory, bool is_forced);
void source_clear(Source *source);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Source, source_clear)
