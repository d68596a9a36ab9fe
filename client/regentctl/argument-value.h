/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Argument value
 *
 * What a VALUE on the command line becomes: of the type that --type= says, else of the one that its
 * key is declared to have, or has, else of what the text looks like.
 */

#include "bus.h"
#include "options.h"

typedef struct ArgumentType {
        char *signature; /* NULL: what the text looks like */
        const char *how; /* it came to that, for people: "", " (kept its type)"; a literal */
        bool is_kept;    /* it is the key's own */
} ArgumentType;

/* An array of ArgumentType, one for each of @keys. Of a key that the caller may not read, the type is guessed. */
gboolean argument_types_find(Bus *bus,
                             const Options *options,
                             const char *ns_name,
                             const char *const *keys,
                             guint n_keys,
                             GPtrArray **ret_types,
                             Failure **reterr);

gboolean argument_value_parse(const ArgumentType *type,
                              const char *key,
                              const char *text,
                              GVariant **ret_value,
                              Failure **reterr);
