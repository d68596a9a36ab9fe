/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views
 *
 * What takes time is done in slices from sources of the loop: filling a view, a slice for one
 * namespace in turn; waking readers when there are very many; and looking for views that nobody has
 * any more, some at a time, for as long as there is any view.
 */

#include "view/views.h"

#include "util/log.h"
#include "view/views-parts.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define LOOK_USEC     UINT64_C(2000000)
#define LOOKS_MIN     256u
#define LOOKS_SHARE   4u  /* of all at least so many parts are looked at each time */
#define LOOKS_AT_ONCE 32u /* before it is looked at the clock */
#define LOOK_SLICE    1000
#define LOOK_ON_USEC  UINT64_C(10000)

uint64_t views_now_usec(const Views *views)
{
        uint64_t usec = 0;

        (void) sd_event_now(views->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

void views_enable_work(Views *views)
{
        int r = sd_event_source_set_enabled(views->work, SD_EVENT_ON);

        g_assert(r >= 0);
}

static void forget(Views *views, View *view)
{
        views_unlink(&views->all, &view->in_views);
        views_unlink(&views->filling, &view->in_filling);
        views_unlink(&views->told, &view->in_told);
        g_hash_table_remove(views->sleepers, view);
        views_unlink(&views->touched, &view->in_touched);
        g_hash_table_remove(views->by_name, view->ns->name);
        view_free(view);
}

void views_settle(Views *views, View *view)
{
        if (!view->next)
                views_unlink(&views->filling, &view->in_filling);
        else if (!views_is_linked(&views->filling, &view->in_filling)) {
                g_queue_push_tail_link(&views->filling, &view->in_filling);
                views_enable_work(views);
        }
        if (view->is_waited_for && !view->next && !views_is_linked(&views->told, &view->in_told)) {
                g_queue_push_tail_link(&views->told, &view->in_told);
                views_enable_work(views);
        }
        if (view_is_empty(view))
                forget(views, view);
}

/* work */

static void fill_one(Views *views)
{
        View *view = g_queue_peek_head(&views->filling);
        int r;

        if (!view)
                return;

        views_unlink(&views->filling, &view->in_filling);
        r = view_fill(view);
        if (r < 0)
                log_warning("Cannot make a view of '%s': %s", view->ns->name, g_strerror(-r));
        views_settle(views, view);
}

static void tell_one(Views *views)
{
        View *view = g_queue_peek_head(&views->told);
        g_autofree char *name = NULL;

        if (!view)
                return;

        views_unlink(&views->told, &view->in_told);
        view->is_waited_for = false;
        name = g_strdup(view->ns->name);
        views_settle(views, view);
        views->callbacks.on_ready(views->callbacks.userdata, name);
}

static void wake_some(Views *views)
{
        GHashTableIter iter;
        gpointer view;

        g_hash_table_iter_init(&iter, views->sleepers);
        if (g_hash_table_iter_next(&iter, &view, NULL) && !view_wake(view, WAKES_AT_ONCE))
                g_hash_table_iter_remove(&iter);
}

static int on_work(sd_event_source *source, void *userdata)
{
        Views *views = userdata;

        views->budget.now_usec = views_now_usec(views);
        fill_one(views);
        tell_one(views);
        wake_some(views);

        if (views->filling.head || views->told.head || g_hash_table_size(views->sleepers) > 0)
                return 0;
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* looking for what nobody has */

/* Until @end_usec, of g_get_monotonic_time(), at @n at most. How many are left. */
static guint look_at(Views *views, guint n, int64_t end_usec)
{
        for (n = MIN(views->all.length, n); n > 0; n--) {
                View *view = g_queue_peek_head(&views->all);

                g_queue_unlink(&views->all, &view->in_views);
                g_queue_push_tail_link(&views->all, &view->in_views);
                view_collect(view);
                views_settle(views, view);
                if (n % LOOKS_AT_ONCE == 0 && g_get_monotonic_time() >= end_usec)
                        break;
        }

        return n;
}

static guint share(const Views *views)
{
        return MAX(LOOKS_MIN, views->all.length / LOOKS_SHARE);
}

void views_look(Views *views)
{
        (void) look_at(views, share(views), G_MAXINT64);
}

/* What nobody has may be in the way of somebody. Those who are refused cannot have it done all the time. */
static void look_on_demand(Views *views)
{
        if (views->demanded_usec > 0 &&
            views->budget.now_usec - views->demanded_usec < LOOK_ON_USEC)
                return;

        views->demanded_usec = views->budget.now_usec;
        (void) look_at(views, share(views), g_get_monotonic_time() + LOOK_SLICE);
}

static int on_look(sd_event_source *source, uint64_t usec G_GNUC_UNUSED, void *userdata)
{
        Views *views = userdata;
        int r;

        views->budget.now_usec = views_now_usec(views);
        if (views->n_to_look == 0)
                views->n_to_look = share(views);
        views->n_to_look = look_at(views, views->n_to_look, g_get_monotonic_time() + LOOK_SLICE);
        if (!views->all.head)
                return 0;

        r = sd_event_source_set_time_relative(source,
                                              views->n_to_look > 0 ? LOOK_ON_USEC : LOOK_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int begin_looking(Views *views)
{
        int r;

        if (views->all.head)
                return 0;

        r = sd_event_source_set_time_relative(views->look, LOOK_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(views->look, SD_EVENT_ONESHOT);
}

/* life */

/* Half of the descriptors that there may be. */
static uint64_t find_editions_max(void)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 512;
}

int views_new(Views **ret_views,
              sd_event *event,
              State *state,
              const Limits *limits,
              const ViewsCallbacks *callbacks)
{
        g_autoptr(Views) views = g_new(Views, 1);
        int r;

        *views = (Views){
                .budget = { .state = state,
                            .limits = limits,
                            .n_editions_max = find_editions_max() },
                .event = sd_event_ref(event),
                .callbacks = *callbacks,
                .by_name = g_hash_table_new(g_str_hash, g_str_equal),
                .all = G_QUEUE_INIT,
                .filling = G_QUEUE_INIT,
                .told = G_QUEUE_INIT,
                .touched = G_QUEUE_INIT,
                .sleepers = g_hash_table_new(NULL, NULL),
        };

        r = sd_event_add_defer(event, &views->work, on_work, views);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(views->work, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &views->look, CLOCK_MONOTONIC, LOOK_USEC, 0, on_look,
                                       views);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(views->look, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_views = g_steal_pointer(&views);
        return 0;
}

Views *views_free(Views *views)
{
        View *view;

        if (!views)
                return NULL;

        while ((view = g_queue_peek_head(&views->all))) {
                view_retire(view, REGENT_VIEW_STOPPED);
                forget(views, view);
        }
        g_hash_table_unref(views->by_name);
        g_hash_table_unref(views->sleepers);
        sd_event_source_disable_unref(views->work);
        sd_event_source_disable_unref(views->look);
        sd_event_unref(views->event);
        g_free(views);
        return NULL;
}

ViewsStatistics views_statistics(const Views *views)
{
        return (ViewsStatistics){
                .n_namespaces = views->all.length,
                .n_editions = views->budget.n_editions,
                .n_bytes = views->budget.n_bytes,
        };
}

/* opening */

static int get_view(Views *views, Namespace *ns, View **ret_view)
{
        View *view = g_hash_table_lookup(views->by_name, ns->name);
        int r;

        if (!view) {
                r = begin_looking(views);
                if (r < 0)
                        return r;

                view = view_new(&views->budget, ns);
                g_hash_table_insert(views->by_name, ns->name, view);
                g_queue_push_tail_link(&views->all, &view->in_views);
        } else if (view->ns != ns) {
                /* The key lives in the namespace. */
                g_hash_table_replace(views->by_name, ns->name, view);
                view_adopt(view, ns);
        }

        *ret_view = view;
        return 0;
}

static int translate(int r)
{
        switch (r) {
        case -EMFILE:
        case -ENFILE:
        case -ENOMEM:
        case -ENOSPC:
                return VIEWS_E_NO_ROOM;
        case VIEW_E_UNDER_WAY:
                return VIEWS_E_UNDER_WAY;
        case VIEW_E_HELD:
                return VIEWS_E_HELD;
        case VIEW_E_NO_ROOM:
                return VIEWS_E_NO_ROOM;
        case VIEW_E_TOO_MUCH:
                return VIEWS_E_TOO_MUCH;
        default:
                return r;
        }
}

static int lend(Views *views, View *view, uint32_t uid, ViewLoan *ret_loan)
{
        uint64_t max = views->budget.limits->uid_view_memory;
        Edition *edition = view->live;
        int r, fd;

        r = edition_lend(edition, uid, max, &fd);
        if (r == EDITION_E_TOO_MUCH) {
                look_on_demand(views);
                r = edition_lend(edition, uid, max, &fd);
        }
        if (r == EDITION_E_TOO_MUCH)
                return VIEW_E_TOO_MUCH;
        if (r < 0)
                return r;

        *ret_loan = (ViewLoan){
                .fd = fd,
                .n_bytes = generation_bytes(edition->generation),
                .generation = generation_number(edition->generation),
                .revision = view->ns->revision,
        };
        return 0;
}

static int begin(Views *views, View *view)
{
        int r = view_begin(view);

        if (r == VIEW_E_NO_ROOM) {
                look_on_demand(views);
                r = view_begin(view);
        }
        return r;
}

/* A small one is there at once. */
static int provide(Views *views, View *view)
{
        int r;

        if (view->live)
                return 0;
        if (!view->next) {
                r = begin(views, view);
                if (r != 0)
                        return r;
                r = view_fill(view);
                if (r != VIEW_E_UNDER_WAY)
                        return r;
        }

        return VIEW_E_UNDER_WAY;
}

int views_open(Views *views, Namespace *ns, uint32_t uid, ViewLoan *ret_loan)
{
        View *view;
        int r;

        views->budget.now_usec = views_now_usec(views);
        r = get_view(views, ns, &view);
        if (r < 0)
                return r;

        view->is_being_opened = true;
        view->may_exceed = !view_is_held_by(view, uid);
        r = provide(views, view);
        if (r == 0)
                r = view_is_held_by(view, uid) ? VIEW_E_HELD : lend(views, view, uid, ret_loan);
        view->is_being_opened = view->may_exceed = false;
        view->is_waited_for |= r == VIEW_E_UNDER_WAY;
        views_settle(views, view);
        return translate(r);
}
