/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store directory
 *
 * One of the two places where the store keeps files: the state directory, where everything is
 * synced, or the runtime directory, where nothing is. Locked for as long as it is open. New files
 * are made in its tmp/ and then put in place. Where nothing can be written it can be read all the
 * same.
 */

#include "util/io.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct StoreDirectory {
        const Io *io;
        char *path;
        bool is_synced;
        int fd;
        int tmp_fd; /* negative: not ready to be written, as is the next */
        int lock_fd;
        int read_lock_fd; /* as long as there is no lock_fd; negative: no lock either */
        int failure;      /* the errno that kept it from being ready, or 0 */
} StoreDirectory;

enum {
        DIRECTORY_E_LOCKED = 1, /* another process has it */
        DIRECTORY_E_UNCERTAIN,  /* in place, but perhaps not on disk */
        DIRECTORY_E_READ_ONLY,  /* open for reading; see directory_make_ready() */
};

/*
 * Makes it when it is missing, locks it, and empties tmp/. 0, DIRECTORY_E_READ_ONLY with a directory
 * that can be read; DIRECTORY_E_LOCKED or an errno without.
 */
int directory_open(StoreDirectory **ret_directory, const Io *io, const char *path, bool is_synced);

/*
 * Makes what writing takes and could not be made before. 0, DIRECTORY_E_LOCKED or an errno; may be
 * tried again. In any thread, while nobody writes.
 */
int directory_make_ready(StoreDirectory *directory);

/*
 * The directory @name in @parent, if it is there. New files for it are made in @parent's tmp/, and
 * @parent's lock is its own. Not longer than @parent.
 */
StoreDirectory *directory_new_below(const StoreDirectory *parent, const char *name);

/* Makes it when it is missing. As above. */
int directory_make_ready_below(StoreDirectory *directory, const StoreDirectory *parent);

/* Makes the directory @name when it is missing, durable by name, and opens it. */
int directory_make_below(const StoreDirectory *directory, int parent_fd, const char *name);

/* Gives what stands in the place of something of regentd's, and is of another kind, another name. */
int directory_move_away(const StoreDirectory *directory, const char *name);

StoreDirectory *directory_free(StoreDirectory *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreDirectory, directory_free)

/* These may be called from any thread, and do nothing in a directory that is not synced. */
int directory_sync_file(const StoreDirectory *directory, int fd);
int directory_sync(const StoreDirectory *directory);

/* Unlinks all that is in tmp/. 0 or an errno. */
int directory_empty_tmp(const StoreDirectory *directory);

/* Opens a new, empty file in tmp/ for reading and writing. */
int directory_create(const StoreDirectory *directory, const char *name);

/* Moves tmp/@name, which is synced, to @new_name. 0, DIRECTORY_E_UNCERTAIN or an errno. */
int directory_put_in_place(const StoreDirectory *directory, const char *name, const char *new_name);

/* Puts a file with @text in place, read back and compared before. As above. */
int directory_replace(const StoreDirectory *directory, const char *name, const char *text);

/* Opens a file for reading; never waits, whatever has its name, and never follows a link. */
int directory_open_file(const StoreDirectory *directory, const char *name);

/* Reads a file of at most @max_bytes; NUL-terminated, owned. -ENOENT, -EFBIG. */
int directory_read(const StoreDirectory *directory,
                   const char *name,
                   size_t max_bytes,
                   char **ret_text,
                   size_t *ret_bytes);
