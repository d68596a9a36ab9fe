/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Edition
 *
 * A generation, and who has been given it. Nobody can be made to give it back, so each uid is charged
 * with all of it until it is seen that nobody has it any more.
 */

#include "core/account.h"
#include "view/generation.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Edition {
        Generation *generation;
        Accounts *accounts;        /* borrowed */
        GHashTable *uids;          /* that were given it */
        uint64_t since_usec;       /* it is live; CLOCK_MONOTONIC */
        uint64_t since_free_bytes; /* that it had then */
        unsigned n_idle_looks;     /* one after the other that found it with nobody */
} Edition;

enum {
        EDITION_E_TOO_MUCH = 1, /* the uid may not have more bytes of views */
};

int edition_new(Edition **ret_edition,
                const GenerationShape *shape,
                uint64_t number,
                Accounts *accounts);
Edition *edition_free(Edition *edition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Edition, edition_free)

/* Whether @uid was given it, and may have it still. */
bool edition_was_lent_to(const Edition *edition, uint32_t uid);

/* Nobody has it any more: nobody is charged with it. */
void edition_discharge(Edition *edition);

/* Charges @uid, which may have @max bytes, and gives a descriptor: 0, an outcome or a negative errno. */
int edition_lend(Edition *edition, uint32_t uid, uint64_t max, int *ret_fd);
