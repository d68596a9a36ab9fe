/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Page
 *
 * Which part of a namespace Namespace.GetMany is asked for, and in which form: its options.
 */

#include "core/namespace-places.h"
#include "core/namespace-walk.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* Strings are borrowed from the message. */
typedef struct Page {
        const char *prefix;
        const char *after;
        uint32_t limit; /* 0: none */
        NamespaceWalkOnly only;
        const char *release; /* NULL: what readers see; "": entries of no kernel release */
        bool is_entries;     /* form=entries */
} Page;

/* The a{sv} at the cursor. 0, or a negative errno with @reterr_bus set. */
int page_read(Page *page, sd_bus_message *m, sd_bus_error *reterr_bus);

/* Option @name, with which keys may begin. The same; borrows from @m. */
int page_read_prefix(sd_bus_message *m, const char *name, const char **ret, sd_bus_error *e);

/* It lives for one walk, during which the namespace does not change. */
typedef struct PageWalk {
        bool is_of_release;
        NamespacePlaces places;
        NamespaceWalk readers;
} PageWalk;

/* From the first entry, without regard to the limit; borrowed, NULL at the end. */
void page_walk_begin(PageWalk *walk, const Page *page, const Namespace *ns);
Entry *page_walk_next(PageWalk *walk);

/* The same for one key. */
Entry *page_lookup(const Page *page, const Namespace *ns, const char *key);
