/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watched
 *
 * What the monitor knows of one namespace.
 */

#include "fingerprints.h"

#include <stdint.h>

typedef struct Watched {
        char *name;
        Fingerprints *keys;
        uint64_t revision; /* when it was read last */
        bool is_there;
        bool is_announced; /* everyone may read it, so its changes are announced */
        bool must_read;    /* though its revision may be the same */
        bool is_named;     /* somebody asked for it, so it is waited for when it goes */
} Watched;

/* An array of Watched. */
GPtrArray *watched_list_new(void);

/* Borrowed. NULL when it is not there. */
Watched *watched_find(const GPtrArray *list, const char *ns_name);

/* Borrowed. To be read. */
Watched *watched_add(GPtrArray *list, const char *ns_name);

/* It is gone, and nothing is known of its keys. */
void watched_lose(Watched *watched);
