/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: how they follow
 *
 * A view that ends is opened anew by who reads it, and in the loop when regentd is there again. Nobody is started for
 * that. One generation is kept besides the one that is read, for pointers that were lent: regentd has few of them.
 */

#include "view-private.h"

#include <errno.h>
#include <unistd.h>

#define RETRY_USEC          UINT64_C(100000)
#define TURN_DELAY_MAX_USEC UINT64_C(5000000)
#define OPEN_TRIES_MAX      3u /* one may be full as soon as it is there */

static uint64_t now_usec(void)
{
        return (uint64_t) g_get_monotonic_time();
}

static CallSpec open_spec(const RegentView *view)
{
        return (CallSpec){
                .path = view->path,
                .interface_name = REGENT_NAMESPACE_INTERFACE,
                .member = "OpenView",
                .arguments = g_variant_new("(@a{sv})", g_variant_new("a{sv}", NULL)),
                .reply_type = "(ha{sv})",
                .no_auto_start = view->reader.header != NULL,
        };
}

static bool is_orphaned(const RegentView *view)
{
        return view->reader.header && view_reader_is_orphaned(&view->reader);
}

/* Puts off what is to be done in the loop; what there is already comes no later for that. */
static void take_turn_after(RegentView *view, uint64_t delay_usec)
{
        int r;

        if (!view->follower.regent)
                return;
        r = sd_event_source_set_time_relative(view->turn, delay_usec);
        if (r >= 0)
                (void) sd_event_source_set_enabled(view->turn, SD_EVENT_ONESHOT);
}

/* What was read until now has been given up by who reads, or stays for pointers. */
static void give_up_reader(RegentView *view)
{
        if (!view->reader.header)
                return;

        view->revision = view_reader_revision(&view->reader);
        if (view->has_lent) {
                view_reader_close(&view->kept);
                view->kept = view->reader;
                view->reader = (ViewReader){ .fd = -1 };
                view->has_lent = false;
                take_turn_after(view, 0);
        } else {
                view_reader_close(&view->reader);
        }
}

/* Pointers are not used any more. */
static void end_loans(RegentView *view)
{
        view_reader_close(&view->kept);
        view->has_lent = false;
        if (view->is_gone)
                give_up_reader(view);
}

/* An answer that has been overtaken is no reason to go back. */
static bool is_older(const RegentView *view, const ViewReader *next)
{
        return view->reader.header && view_follows(view) && !is_orphaned(view) &&
               (view_reader_state(next) != REGENT_VIEW_LIVE ||
                view_reader_revision(next) < view_reader_revision(&view->reader));
}

static int adopt(RegentView *view, int fd)
{
        ViewReader next;
        int r;

        r = view_reader_open(&next, fd);
        if (r < 0)
                return error_set_errno(view->follower.regent, r, "The view cannot be read");

        if (is_older(view, &next)) {
                view_reader_close(&next);
                return 0;
        }

        give_up_reader(view);
        view->reader = next;
        view->is_left = false;
        view->is_gone = false;
        view->turn_delay_usec = RETRY_USEC;
        return 0;
}

/* Whether there is none for us, until something changes. @r alone may as well say that there is no bus. */
static void take_refusal(RegentView *view, int r)
{
        const sd_bus_error *error = &view->follower.regent->error;

        if (r < 0 && (sd_bus_error_has_name(error, REGENT_ERROR_NO_SUCH_NAMESPACE) ||
                      sd_bus_error_has_name(error, SD_BUS_ERROR_NOT_SUPPORTED)))
                view->is_gone = true;
}

static int open_once(RegentView *view)
{
        CallSpec spec = open_spec(view);
        int r, fd;

        r = call_wait(view->follower.regent, &spec, NULL, &fd);
        if (r < 0) {
                take_refusal(view, r);
                return r;
        }

        r = adopt(view, fd);
        (void) close(fd);
        return r;
}

/* A view is no reason to start regentd again that somebody has stopped. */
static int require_service(Regent *regent)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r, is_there = 0;

        if (regent->link == LINK_CLOSED) {
                r = link_open(regent);
                if (r < 0)
                        return r;
        }

        r = sd_bus_call_method(regent->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                               REGENT_BUS_NAME);
        if (r >= 0)
                r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_BOOLEAN, &is_there);
        if (r < 0) {
                if (sd_bus_is_open(regent->bus) <= 0)
                        link_break(regent, regent->bus);
                return error_set_errno(regent, r < 0 ? r : -EBADMSG, "The bus does not answer");
        }

        return is_there ? 0
                        : error_set(regent, -EHOSTUNREACH, SD_BUS_ERROR_SERVICE_UNKNOWN,
                                    "There is no " REGENT_BUS_NAME);
}

static int open_and_wait(RegentView *view)
{
        Follower *follower = &view->follower;
        int r = 0;

        view->call = regent_call_cancel(view->call);
        for (unsigned n = 0; n < OPEN_TRIES_MAX; n++) {
                r = open_once(view);
                if (r != -ECONNRESET && (r < 0 || view_follows(view)))
                        break;
        }

        /* The loop need not do it again. */
        if (r >= 0 && !follower->is_ready)
                follower->is_ready = follower->regent->link == LINK_READY;
        return r;
}

static int reopen(RegentView *view)
{
        int r;

        /* Whether it has died is to be seen, whatever comes of it. */
        view->is_left = view->is_left || is_orphaned(view);
        r = require_service(view->follower.regent);
        if (r >= 0)
                r = open_and_wait(view);

        view->retry_usec = view_follows(view) ? 0 : now_usec() + RETRY_USEC;
        return r;
}

void view_follow_slowly(RegentView *view)
{
        /* Those who have pointers into two of them are to say first that they have not. */
        if (!view->follower.regent || (view->has_lent && view->kept.header) ||
            now_usec() < view->retry_usec)
                return;

        (void) reopen(view);
}

int regent_view_refresh(RegentView *view)
{
        Regent *regent = view->follower.regent;

        end_loans(view);
        if (view_follows(view) && !is_orphaned(view))
                return 0;

        if (!regent)
                return -ENOTCONN;
        return reopen(view);
}

static void on_opened(Regent *regent, int result, GVariant *reply, int fd, void *userdata)
{
        RegentView *view = userdata;

        (void) regent;
        (void) reply;

        view->call = NULL;
        if (result == -ECANCELED)
                return;
        take_refusal(view, result);
        if (result >= 0)
                result = adopt(view, fd);

        end_loans(view);
        if (result >= 0 && view_follows(view))
                return;

        /* What ends with regentd is begun by ready() again. */
        take_turn_after(view, view->turn_delay_usec);
        view->turn_delay_usec = MIN(2 * view->turn_delay_usec, TURN_DELAY_MAX_USEC);
}

static void open_later(RegentView *view)
{
        CallSpec spec = open_spec(view);

        view->call = regent_call_cancel(view->call);
        (void) call_start_for_fd(view->follower.regent, &spec, on_opened, view, &view->call);
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
        RegentView *view = userdata;

        (void) source;
        (void) usec;

        end_loans(view);
        if (!view_follows(view) && view->follower.is_ready && !view->call)
                open_later(view);
        return 0;
}

static void on_ready(Follower *follower)
{
        RegentView *view = (RegentView *) follower;

        /* It may be of this one already: the loop hears late of what refresh has found out. */
        view->is_left = is_orphaned(view);
        if (!view_follows(view))
                open_later(view);
}

static void on_lost(Follower *follower)
{
        RegentView *view = (RegentView *) follower;

        view->is_left = true;
}

static void on_closed(Follower *follower)
{
        RegentView *view = (RegentView *) follower;

        view->turn = sd_event_source_disable_unref(view->turn);
        view->call = NULL;
}

static const FollowerVtable follower_vtable = {
        .ready = on_ready,
        .lost = on_lost,
        .closed = on_closed,
};

static int add_turn(RegentView *view, Regent *regent)
{
        int r;

        if (!regent->event)
                return error_set_errno(regent, -ENOTCONN, "The Regent is not open");

        r = sd_event_add_time(regent->event, &view->turn, CLOCK_MONOTONIC, 0, 0, on_turn, view);
        if (r >= 0)
                r = sd_event_source_set_enabled(view->turn, SD_EVENT_OFF);
        return r < 0 ? error_set_errno(regent, r, "Cannot make a timer") : 0;
}

int regent_view_open(Regent *regent, const char *ns_name, RegentView **ret_view)
{
        g_autoptr(RegentView) view = g_new0(RegentView, 1);
        int r;

        view->reader.fd = view->kept.fd = -1;
        view->turn_delay_usec = RETRY_USEC;
        r = text_namespace_path(regent, ns_name, view->path);
        if (r >= 0)
                r = add_turn(view, regent);
        if (r < 0)
                return r;

        follower_add(regent, &view->follower, &follower_vtable);
        r = open_and_wait(view);
        if (r < 0)
                return r;

        if (ret_view)
                *ret_view = g_steal_pointer(&view);
        return 0;
}

RegentView *regent_view_free(RegentView *view)
{
        if (!view)
                return NULL;

        regent_call_cancel(view->call);
        follower_remove(&view->follower);
        sd_event_source_disable_unref(view->turn);
        view_reader_close(&view->reader);
        view_reader_close(&view->kept);
        g_free(view);
        return NULL;
}

uint64_t regent_view_revision(RegentView *view)
{
        return view->reader.header ? view_reader_revision(&view->reader) : view->revision;
}

bool regent_view_is_stale(RegentView *view)
{
        return !view_follows(view);
}
