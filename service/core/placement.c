/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Placement
 *
 * A wish about the running release is only known to be one when its turn comes, and a value is copied
 * then, as are those of a session; all others are stored as they came.
 */

#include "core/placement.h"

#include <string.h>

void placement_clear(Placement *placement)
{
        g_clear_pointer(&placement->wanted, entry_unref);
}

/* The release that @wanted is about ("": none), or NULL: the running one, and none is known. */
static const char *find_release(const Namespace *ns,
                                const NamespaceWish *wish,
                                const Entry *wanted,
                                const Entry *seen)
{
        if (wish->release)
                return wish->release;
        if (wanted->class == ENTRY_KERNEL)
                return ns->release;
        return wanted->class == ENTRY_AS_SEEN && seen ? entry_release(seen) : "";
}

static int check_release(const Overlay *overlay,
                         const Namespace *ns,
                         const Entry *wanted,
                         const char *release,
                         char **reterr_text)
{
        if (!release) {
                *reterr_text = g_strdup_printf(
                        "'%s' cannot be of class kernel: what kernel runs has no usable name",
                        entry_key(wanted));
                return CORE_E_INVALID_ARGUMENT;
        }

        if (*release && !entry_is_tombstone(wanted) && !overlay_has_release(overlay, ns, release) &&
            overlay_n_releases(overlay, ns) >= LIMIT_NAMESPACE_RELEASES) {
                *reterr_text = g_strdup_printf("'%s' has entries of %u kernel releases already; "
                                               "those of kernels that are gone can be deleted",
                                               ns->name, LIMIT_NAMESPACE_RELEASES);
                return CORE_E_QUOTA_EXCEEDED;
        }

        return 0;
}

static int check_session(const Entry *wanted, const char *session, char **reterr_text)
{
        if (session || wanted->class != ENTRY_SESSION)
                return 0;

        *reterr_text = g_strdup_printf("'%s' cannot be of class session: no connection writes it",
                                       entry_key(wanted));
        return CORE_E_INVALID_ARGUMENT;
}

static Entry *place_entry(Entry *wanted, const char *release, const char *session)
{
        if (*release)
                return entry_new_of_release(wanted, release);
        if (wanted->class == ENTRY_SESSION && !entry_is_tombstone(wanted))
                return entry_new_of_session(wanted, session);
        if (wanted->class == ENTRY_AS_SEEN)
                wanted->class = ENTRY_PERSISTENT;
        return entry_ref(wanted);
}

int placement_find(Placement *ret_placement,
                   const Overlay *overlay,
                   const Namespace *ns,
                   const NamespaceWish *wish,
                   Entry *wanted,
                   const char *session,
                   char **reterr_text)
{
        const Entry *seen = overlay_lookup(overlay, ns, entry_key(wanted));
        const char *release = find_release(ns, wish, wanted, seen);
        const Entry *place = seen;
        int r;

        r = check_release(overlay, ns, wanted, release, reterr_text);
        if (r == 0)
                r = check_session(wanted, session, reterr_text);
        if (r != 0)
                return r;

        if (!seen || strcmp(entry_release(seen), release) != 0)
                place = overlay_lookup_at(overlay, ns, entry_key(wanted), release);

        *ret_placement = (Placement){
                .wanted = place_entry(wanted, release, session),
                .seen = seen,
                .place = place,
                .judged = wish->release ? place : seen,
        };
        return 0;
}

const Entry *placement_judged(const Overlay *overlay,
                              const Namespace *ns,
                              const NamespaceWish *wish,
                              const char *key)
{
        return wish->release ? overlay_lookup_at(overlay, ns, key, wish->release)
                             : overlay_lookup(overlay, ns, key);
}
