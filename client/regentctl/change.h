/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Change
 *
 * What the command line says of a change beside the keys: flags and options of Apply, and what came
 * of it.
 */

#include "bus.h"
#include "confirmation.h"
#include "options.h"

typedef struct ChangeResult {
        uint64_t revision;
        uint32_t n_changed;
        uint32_t n_removed;
        Confirmation confirmation;
} ChangeResult;

/* --dry-run, --create-only, --change-only. */
uint64_t change_flags(const Options *options);

/* --class, --reason, --durability, --confirm-timeout: adds them to an a{sv}; --release is of a namespace. */
void change_add_options(GVariantBuilder *builder, const Options *options);

/*
 * Applies a change of one namespace. @set (a{sv}) may be NULL and is consumed if floating; @unset may be NULL;
 * @more_flags are added to those of the options.
 */
gboolean change_apply(Bus *bus,
                      const Options *options,
                      const char *ns_name,
                      GVariant *set,
                      const char *const *unset,
                      uint64_t more_flags,
                      ChangeResult *ret_result,
                      Failure **reterr);
