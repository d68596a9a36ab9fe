/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publishing to views
 */

#include "view/views-parts.h"

#define READ_MODE_BITS 0444u

static bool is_other_access(const NamespaceAccess *a, const NamespaceAccess *b)
{
        return a->owner != b->owner || a->group != b->group ||
               (a->mode & READ_MODE_BITS) != (b->mode & READ_MODE_BITS);
}

/* Why the views of a namespace end with @change; LIVE: they do not. */
static RegentViewState end_of(const View *view, const Commit *commit, const NamespaceChange *change)
{
        switch (change->kind) {
        case NAMESPACE_CHANGE_CREATE:
        case NAMESPACE_CHANGE_REMOVE:
                return REGENT_VIEW_REMOVED;
        case NAMESPACE_CHANGE_ACCESS:
                if (is_other_access(&view->access, &change->access))
                        return REGENT_VIEW_REVOKED;
                break;
        case NAMESPACE_CHANGE_ENTRIES:
                break;
        }

        return commit->source.revision > 0 ? REGENT_VIEW_REPLACED : REGENT_VIEW_LIVE;
}

static void touch(Views *views, const Commit *commit, NamespaceChange *change)
{
        View *view = g_hash_table_lookup(views->by_name, change->name);
        RegentViewState end;

        if (!view)
                return;

        end = end_of(view, commit, change);
        if (end != REGENT_VIEW_LIVE)
                view->end = end;
        if (view->end == REGENT_VIEW_LIVE)
                g_ptr_array_add(view->changes, change);
        if (!views_is_linked(&views->touched, &view->in_touched))
                g_queue_push_tail_link(&views->touched, &view->in_touched);
}

static void publish_view(Views *views, View *view)
{
        if (view->end != REGENT_VIEW_LIVE)
                view_retire(view, view->end);
        else
                view_publish(view);

        view->end = REGENT_VIEW_LIVE;
        g_ptr_array_set_size(view->changes, 0);
        if (view_wake(view, WAKES_AT_ONCE)) {
                g_hash_table_add(views->sleepers, view);
                views_enable_work(views);
        }
        if (view_is_scarce(view))
                (void) view_begin(view);
        views_settle(views, view);
}

void views_publish(Views *views, const Commit *commit)
{
        View *view;

        if (!views->all.head)
                return;

        views->budget.now_usec = views_now_usec(views);
        for (guint i = 0; i < commit->changes->len; i++)
                touch(views, commit, commit->changes->pdata[i]);
        while ((view = g_queue_peek_head(&views->touched))) {
                views_unlink(&views->touched, &view->in_touched);
                publish_view(views, view);
        }
}

void views_publish_declaration(Views *views, const Namespace *ns)
{
        View *view = g_hash_table_lookup(views->by_name, ns->name);

        if (!view || view->ns != ns)
                return;

        views->budget.now_usec = views_now_usec(views);
        publish_view(views, view);
}
