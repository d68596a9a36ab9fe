/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Site
 *
 * All files below a directory, held in memory: a store as a crash or a stop has left it. What lies
 * in tmp/, and the locks, are left out.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Site {
        GHashTable *files; /* path below the directory -> GBytes */
} Site;

Site *site_read(const char *directory);
Site *site_copy(const Site *site);
Site *site_free(Site *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Site, site_free)

/* Makes @directory, which is empty, hold these files. */
void site_write(const Site *site, const char *directory);

/* Borrows; NULL when there is none. */
GBytes *site_get(const Site *site, const char *path);

/* Takes @bytes; NULL takes the file away. */
void site_put(Site *site, const char *path, GBytes *bytes);

/* Whether both have this file, byte for byte, or both have none. */
bool site_agrees(const Site *site, const Site *other, const char *path);

/* Whether any file below @prefix has these bytes. */
bool site_has_bytes(const Site *site, const char *prefix, GBytes *bytes);

/* All paths in order; borrowed names. */
GPtrArray *site_paths(const Site *site);
