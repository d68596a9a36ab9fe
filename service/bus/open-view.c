/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenView
 *
 * A view outlives every answer, so polkit, whose answers may be another tomorrow, is not asked: uid 0, and those
 * whom owner, group and mode admit, get one. To everyone else a namespace that is not there looks like one that
 * may not be read.
 */

#include "bus/open-view.h"

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/call.h"
#include "bus/caller.h"
#include "bus/flow.h"
#include "bus/namespace-object.h"
#include "bus/options.h"
#include "client/regent-names.h"
#include "client/regent-view.h"
#include "util/auto.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct OpenViews {
        BusService *service;
        GQueue waiting; /* ViewWait */
        GQueue due;     /* those whose turn it is */
};

struct ViewWait {
        OpenViews *open_views;
        Call *call;
        char *name;
        bool is_due;
        GList in_queue;
};

OpenViews *open_views_new(BusService *service)
{
        OpenViews *open_views = g_new(OpenViews, 1);

        *open_views =
                (OpenViews){ .service = service, .waiting = G_QUEUE_INIT, .due = G_QUEUE_INIT };
        return open_views;
}

OpenViews *open_views_free(OpenViews *open_views)
{
        if (!open_views)
                return NULL;

        g_assert(!open_views->waiting.head && !open_views->due.head);
        g_free(open_views);
        return NULL;
}

void view_wait_release(ViewWait *wait)
{
        if (!wait)
                return;

        g_queue_unlink(wait->is_due ? &wait->open_views->due : &wait->open_views->waiting,
                       &wait->in_queue);
        wait->call->view_wait = NULL;
        g_free(wait->name);
        g_free(wait);
}

void open_views_ready(OpenViews *open_views, const char *name)
{
        ViewWait *wait;

        /* Whoever has to wait once more is not among these. */
        for (GList *l = open_views->waiting.head, *next; l; l = next) {
                next = l->next;
                wait = l->data;
                if (strcmp(wait->name, name) != 0)
                        continue;
                g_queue_unlink(&open_views->waiting, l);
                g_queue_push_tail_link(&open_views->due, l);
                wait->is_due = true;
        }

        while ((wait = g_queue_peek_head(&open_views->due))) {
                Call *call = wait->call;

                view_wait_release(wait);
                call_enter(call);
        }
}

static int park(BusService *service, sd_bus_message *m, const char *name, sd_bus_error *reterr_bus)
{
        OpenViews *open_views = service->open_views;
        ViewWait *wait;
        Call *call;
        int r;

        r = call_get(&call, service, m, open_view_method, 0, reterr_bus);
        if (r < 0)
                return r;

        wait = g_new(ViewWait, 1);
        *wait = (ViewWait){ .open_views = open_views, .call = call, .name = g_strdup(name) };
        wait->in_queue.data = wait;
        g_queue_push_tail_link(&open_views->waiting, &wait->in_queue);
        call->view_wait = wait;
        call->is_waiting = true;
        return CALL_E_PARKED;
}

static int reply_view(BusService *service, sd_bus_message *m, const BusView *view)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "ha{sv}", view->fd, 4, "bytes", "t", view->n_bytes,
                                  "generation", "t", view->generation, "revision", "t",
                                  view->revision, "version", "u", REGENT_VIEW_VERSION);
        if (r < 0)
                return r;

        r = sd_bus_send(NULL, reply, NULL);
        if (r >= 0)
                flow_charge_descriptors(service, m, 1);
        return r < 0 ? r : 1;
}

static int refuse(const char *name, uint32_t uid, int r, sd_bus_error *reterr_bus)
{
        switch (r) {
        case BUS_PORT_E_HELD:
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, REGENT_ERROR_BUSY,
                        "Readers still have as many old views of '%s' as there may be", name));
        case BUS_PORT_E_NO_ROOM:
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, REGENT_ERROR_BUSY,
                        "There is no room for a view of '%s' (ViewMemoryMax, ViewsMax)", name));
        case BUS_PORT_E_TOO_MUCH:
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "uid %" PRIu32
                        " has been given as much memory of views as it may have (UidViewMemoryMax)",
                        uid));
        default:
                return bus_error_set_no_descriptors(reterr_bus, r);
        }
}

static int refuse_stranger(const Caller *caller, const char *name, sd_bus_error *reterr_bus)
{
        if (caller->uid == 0)
                return bus_refused(sd_bus_error_setf(reterr_bus, REGENT_ERROR_NO_SUCH_NAMESPACE,
                                                     "There is no namespace '%s'", name));

        return bus_refused(sd_bus_error_setf(
                reterr_bus, SD_BUS_ERROR_NOT_SUPPORTED,
                "There is no namespace '%s', or it is not its owner, group and mode that let uid %" PRIu32
                " read it: then there is no view",
                name, caller->uid));
}

static int read_option(sd_bus_message *m G_GNUC_UNUSED,
                       const char *name,
                       void *userdata G_GNUC_UNUSED,
                       sd_bus_error *reterr_bus)
{
        return option_unknown(name, reterr_bus);
}

int open_view_method(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        BusView view;
        Namespace *ns;
        Caller *caller;
        int r;

        r = options_read(m, read_option, NULL, reterr_bus);
        if (r < 0)
                return r;
        r = authorizer_identify(service, m, open_view_method, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        ns = state_lookup(service->state, name);
        if (!ns || !authorizer_may_list(caller, ns))
                return refuse_stranger(caller, name, reterr_bus);
        r = flow_admit_descriptors(service, m, open_view_method, 1, reterr_bus);
        if (r != 0)
                return r;

        r = service->ports.open_view(service->ports.userdata, ns, caller->uid, &view);
        if (r == BUS_PORT_E_UNDER_WAY)
                return park(service, m, name, reterr_bus);
        if (r != 0)
                return refuse(name, caller->uid, r, reterr_bus);

        r = reply_view(service, m, &view);
        (void) close(view.fd);
        return bus_error_set_no_descriptors(reterr_bus, r);
}
