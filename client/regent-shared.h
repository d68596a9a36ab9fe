/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libregent: reading in shared memory
 *
 * A RegentView is a namespace in memory that regentd shares. Reading costs no system call, however many read,
 * and follows every commit: whoever has the reply to a write, or was told of one, reads it. Views of several
 * namespaces are not of one revision.
 *
 * Only those whom uid, owner, group and mode of the namespace admit may have one: regent_view_open() fails
 * with NotSupported (-EOPNOTSUPP) for others, and with Busy while views take too much memory. Calls do then.
 *
 * A view ends from time to time: it had no more room, access to the namespace was changed, regentd was started
 * again. It is opened anew by the next function that reads, which waits for regentd once for that, but not by
 * regent_view_peek() and regent_view_next(); by regent_view_refresh() and regent_view_wait(); and, after regentd was
 * away, in the Regent's loop. While there is no regentd, reading goes on with the last state, and the view is
 * stale; its revision never goes back. That regentd was killed cannot be seen in the memory alone: whoever has no
 * loop calls regent_view_refresh() now and then.
 *
 * Threads. A view is used by one thread at a time, with its Regent. But several may be in regent_view_peek(),
 * regent_view_next(), regent_view_revision() and regent_view_is_stale() at once, while none is in another function
 * of the view or processes the Regent.
 *
 * Functions that read tell by their errno alone what is wrong: regent_error_name() says nothing of them.
 */

#include "regent.h"

G_BEGIN_DECLS

typedef struct RegentView RegentView;

/*
 * An entry, in place. All of it stays good until regent_view_refresh(), regent_view_wait() or regent_view_free() is
 * called, or the Regent is processed. As long as there are pointers into two views the second is not opened
 * anew: it becomes stale, so do one of these from time to time.
 */
typedef struct RegentViewEntry {
        const char *key;
        const char *type;  /* D-Bus signature */
        const void *bytes; /* of the value: a GVariant in normal form, 8-aligned */
        size_t n_bytes;
        uint64_t revision;   /* of the commit that wrote it; 0: a default */
        uint64_t time_usec;  /* since 1970 */
        uint32_t writer_uid; /* 4294967295 of a default */
} RegentViewEntry;

/*
 * Opens the view of a namespace, waiting for it. regent_view_free() may come before or after regent_free(), behind
 * which the view can be read, but is not opened anew.
 */
int regent_view_open(Regent *regent, const char *ns_name, RegentView **ret_view);
RegentView *regent_view_free(RegentView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegentView, regent_view_free)

/*
 * One key, as it is now. -ENOENT: it is not there. -EBADMSG: the memory is damaged. -ESTALE: the namespace is gone,
 * or may not be read any more. regent_view_peek() makes no system call at all: it never opens the view anew, and is
 * for whoever looks at regent_view_is_stale(). regent_view_get() copies the value.
 */
int regent_view_peek(RegentView *view, const char *key, RegentViewEntry *ret_entry);
int regent_view_get(RegentView *view, const char *key, GVariant **ret_value);

/*
 * The same of a value of this type; -EMEDIUMTYPE when it is another. Nothing is allocated. A string stays good as a
 * RegentViewEntry does.
 */
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
 * The next entry, in no order: from *@cursor on, which is 0 at the beginning; -ENOENT at the end. As
 * regent_view_peek(), so commits may fall between two of them. Begin again when the view was opened anew meanwhile.
 */
int regent_view_next(RegentView *view, uint64_t *cursor, RegentViewEntry *ret_entry);

/*
 * Keys at one revision, copied: those named, or with NULL all that begin with @prefix (NULL: all). @ret_values: an
 * a{sv}, in the order asked for, or of keys; what is not there is left out. -EAGAIN: for a second there was always
 * a commit between, or regentd was killed within one; then it can be had when regentd is there again.
 */
int regent_view_snapshot(RegentView *view,
                         const char *const *keys,
                         const char *prefix,
                         GVariant **ret_values,
                         uint64_t *ret_revision);

/* Revision of the last commit of the namespace that is in it. */
uint64_t regent_view_revision(RegentView *view);

/*
 * Whether nothing follows now: regentd is away, the namespace is gone, or the view is to be opened anew. It asks the
 * system nothing.
 */
bool regent_view_is_stale(RegentView *view);

/*
 * Sees whether it is to be opened anew, does that, and gives memory back that was kept for pointers. One system call
 * when there is nothing to do. 0; a negative errno when it stays stale, and what there was can be read on:
 * ServiceUnknown (regentd is away, and is not started for this), Busy; NoSuchNamespace and NotSupported, after which
 * there is nothing to be read.
 */
int regent_view_refresh(RegentView *view);

/*
 * Sleeps until there is a commit of the namespace after @revision: 0 and @ret_revision; -ETIMEDOUT; -ESTALE when the
 * namespace is gone. Returns 0, too, when the view becomes stale meanwhile; called again it goes on to sleep, until
 * regentd is there again and there is a commit. UINT64_MAX: for ever. Signals do not end it. In a loop, a
 * RegentWatch of the namespace tells of each commit once it can be read in the view.
 */
int regent_view_wait(RegentView *view,
                     uint64_t revision,
                     uint64_t timeout_usec,
                     uint64_t *ret_revision);

G_END_DECLS
