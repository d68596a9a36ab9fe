/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Journal maker
 *
 * Fills a store's directories with a journal of a given size and shape, as regentd would have, and
 * leaves them as a crash would.
 */

#include "store/store.h"

#include <stdint.h>

typedef struct JournalShape {
        const char *name;
        uint32_t n_keys;      /* overwritten again and again */
        uint32_t n_changes;   /* a commit */
        uint32_t value_bytes; /* of the string, its NUL included */
        bool is_shuffled;     /* the keys come in no order */
} JournalShape;

typedef struct JournalMade {
        uint64_t n_bytes; /* of its records */
        uint64_t n_records;
        uint64_t n_changes;
} JournalMade;

/* NULL: there is none of that name. */
const JournalShape *journal_shape(const char *name);

/* The options a store is opened with that takes no checkpoint by itself. */
StoreOptions journal_maker_options(const char *state_directory, const char *runtime_directory);

/* 0 or a negative errno. */
int journal_maker_run(const char *state_directory,
                      const char *runtime_directory,
                      const JournalShape *shape,
                      uint64_t n_bytes,
                      JournalMade *ret_made);
