/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent: reading in shared memory
 *
 * A RegentView is a namespace in memory that regentd shares. Reading costs no system call, however many read,
 * and follows every commit. It is opened anew by itself when regentd was started again, or had no more room in it;
 * while there is no regentd it goes on with the last state, and is stale. Views of several namespaces are not of
 * one revision.
 *
 * Only those whom uid, owner, group and mode of the namespace admit may have one: regent_view_open() fails
 * with NotSupported (-EOPNOTSUPP) for others, and with Busy while views take too much memory. Calls do then.
 */

#include "regent.h"

G_BEGIN_DECLS

typedef struct RegentView RegentView;

/* An entry, in place. All of it stays good until regent_view_refresh() or regent_view_free(). */
typedef struct RegentViewEntry {
        const char *key;
        const char *type; /* D-Bus signature */
        const void *
                bytes; /* of the value as a GVariant in normal form, 8-aligned, in this machine's byte order */
        size_t n_bytes;
        uint64_t revision;   /* of the commit that wrote it; 0: a default */
        uint64_t time_usec;  /* since 1970 */
        uint32_t writer_uid; /* 4294967295 of a default */
} RegentViewEntry;

int regent_view_open(Regent *regent, const char *ns_name, RegentView **ret_view);
RegentView *regent_view_free(RegentView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegentView, regent_view_free)

/*
 * One key, as it is now. -ENOENT: it is not there. -EBADMSG: the memory is damaged. -ESTALE: the namespace is gone,
 * or may not be read any more. Of these, regent_view_peek() alone allocates nothing, and never opens the view anew.
 */
int regent_view_peek(RegentView *view, const char *key, RegentViewEntry *ret_entry);
int regent_view_get(RegentView *view, const char *key, GVariant **ret_value);

/* The same of a value of this type; -EMEDIUMTYPE when it is another. A string stays good as a RegentViewEntry does. */
int regent_view_get_boolean(RegentView *view, const char *key, bool *ret_value);
int regent_view_get_byte(RegentView *view, const char *key, uint8_t *ret_value);
int regent_view_get_int16(RegentView *view, const char *key, int16_t *ret_value);
int regent_view_get_uint16(RegentView *view, const char *key, uint16_t *ret_value);
int regent_view_get_int32(RegentView *view, const char *key, int32_t *ret_value);
int regent_view_get_uint32(RegentView *view, const char *key, uint32_t *ret_value);
int regent_view_get_int64(RegentView *view, const char *key, int64_t *ret_value);
int regent_view_get_uint64(RegentView *view, const char *key, uint64_t *ret_value);
int regent_view_get_double(RegentView *view, const char *key, double *ret_value);
int regent_view_get_string(RegentView *view, const char *key, const char **ret_value);

/*
 * Keys at one revision, copied: those named, or with NULL all that begin with @prefix (NULL: all). @ret_values: an
 * a{sv}, in the order asked for, or of keys. -EAGAIN: something is being published for too long.
 */
int regent_view_snapshot(RegentView *view,
                         const char *const *keys,
                         const char *prefix,
                         GVariant **ret_values,
                         uint64_t *ret_revision);

/* Revision of the last commit that is in it. */
uint64_t regent_view_revision(RegentView *view);

/* Whether nothing follows now: regentd is away, or the namespace is gone. It asks the system nothing. */
bool regent_view_is_stale(RegentView *view);

/*
 * Sees whether it is to be opened anew, does that, and gives memory back that was kept for pointers. 0; a negative
 * errno when it stays stale, and what there was can be read on.
 */
int regent_view_refresh(RegentView *view);

/* Sleeps until there is a commit after @revision, or it becomes stale: 0 and @ret_revision; -ETIMEDOUT. */
int regent_view_wait(RegentView *view,
                     uint64_t revision,
                     uint64_t timeout_usec,
                     uint64_t *ret_revision);

G_END_DECLS
