/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers
 *
 * The bus orders its messages: a name's departure, for which one match follows all of them, comes
 * after whatever the bus answered about it. So no Caller can stay behind, and a unique name is
 * never given twice.
 */

#include "bus/caller.h"

#include "bus/bus-service.h"
#include "bus/call.h"
#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/lifetimes.h"
#include "bus/participation.h"
#include "bus/watches.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define DBUS_NAME      "org.freedesktop.DBus"
#define DBUS_PATH      "/org/freedesktop/DBus"
#define DBUS_INTERFACE "org.freedesktop.DBus"

#define DEPARTURES                                                                             \
        "type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH "',interface='" DBUS_INTERFACE \
        "',member='NameOwnerChanged',arg2=''"

struct Callers {
        BusService *service;
        GHashTable *by_name; /* unique name (in the caller) -> owned Caller */
        GQueue to_ask;       /* Caller, while as many questions as allowed are under way */
        size_t n_asking;
        sd_bus_slot *departures;
};

static void ask_next(Callers *callers);

/* Calls that are in a batch go on without it; everything else of it ends here. */
static void caller_end_calls(Caller *caller)
{
        for (GList *l = caller->calls.head, *next; l; l = next) {
                Call *call = l->data;

                next = l->next;
                if (call->is_submitted)
                        continue;
                call->reservation = NULL; /* goes with the origin */
                call_free(call);
        }

        caller->origin = pipeline_origin_free(caller->origin);

        while (caller->calls.head) {
                Call *call = caller->calls.head->data;

                g_queue_unlink(&caller->calls, &call->in_caller);
                call->caller = NULL;
        }
}

static void caller_free(gpointer userdata)
{
        Caller *caller = userdata;
        Callers *callers = caller->service->callers;

        caller_end_calls(caller);
        if (caller->is_asking)
                callers->n_asking--;
        else if (caller->knowledge == CALLER_ASKED)
                g_queue_unlink(&callers->to_ask, &caller->in_queue);
        sd_bus_slot_unref(caller->slot);
        g_hash_table_unref(caller->kept);
        g_free(caller->gids);
        g_free(caller->name);
        g_free(caller);
}

static int on_departure(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Callers *callers = userdata;
        const Caller *caller;
        bool has_session;
        const char *name;
        int r;

        /* A match filters what is broadcast; anybody can send a signal to us alone. */
        if (!channels_is_from_bus(callers->service, m))
                return 0;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;

        caller = callers_find(callers, name);
        has_session = caller && caller->has_session;
        if (caller)
                channels_end_of(caller);
        callers_forget(callers, name);
        lifetimes_end(callers->service->lifetimes, name, has_session);
        return 0;
}

void callers_forget(Callers *callers, const char *name)
{
        g_autofree char *forgotten = g_strdup(name); /* it may be the caller's own */

        participation_forget(callers->service->participation, forgotten);
        watches_forget(callers->service->watches, forgotten);
        if (g_hash_table_remove(callers->by_name, forgotten))
                ask_next(callers);
        flow_forget(callers->service->flow, forgotten);
}

static int on_match_installed(sd_bus_message *m,
                              void *userdata,
                              sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Callers *callers = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                return 0;

        log_error("Cannot follow who leaves the bus: %s", sd_bus_message_get_error(m)->message);
        return sd_event_exit(callers->service->event, -ECONNABORTED);
}

int callers_new(Callers **ret_callers, BusService *service)
{
        g_autoptr(Callers) callers = g_new(Callers, 1);
        int r;

        *callers = (Callers){
                .service = service,
                .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, caller_free),
        };

        r = sd_bus_add_match_async(service->bus, &callers->departures, DEPARTURES, on_departure,
                                   on_match_installed, callers);
        if (r < 0)
                return r;

        *ret_callers = g_steal_pointer(&callers);
        return 0;
}

Callers *callers_free(Callers *callers)
{
        if (!callers)
                return NULL;

        sd_bus_slot_unref(callers->departures);
        g_hash_table_unref(callers->by_name);
        g_free(callers);
        return NULL;
}

static int read_gids(sd_bus_message *m, Caller *caller)
{
        const uint32_t *gids;
        size_t n_bytes;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "au");
        if (r < 0)
                return r;

        r = sd_bus_message_read_array(m, 'u', (const void **) &gids, &n_bytes);
        if (r < 0)
                return r;

        g_free(caller->gids);
        caller->gids = g_memdup2(gids, n_bytes);
        caller->n_gids = n_bytes / sizeof *gids;
        return sd_bus_message_exit_container(m);
}

static int read_credential(sd_bus_message *m, Caller *caller, bool *is_uid_known)
{
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;

        if (strcmp(name, "UnixUserID") == 0) {
                *is_uid_known = true;
                return sd_bus_message_read(m, "v", "u", &caller->uid);
        }
        if (strcmp(name, "UnixGroupIDs") == 0)
                return read_gids(m, caller);
        return sd_bus_message_skip(m, "v");
}

static int read_credentials(sd_bus_message *m, Caller *caller)
{
        bool is_uid_known = false;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_credential(m, caller, &is_uid_known);
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return is_uid_known ? 0 : -ENODATA;
}

static void enter_waiting_calls(Caller *caller)
{
        for (GList *l = caller->calls.head, *next; l; l = next) {
                next = l->next;
                call_enter(l->data);
        }
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Caller *caller = userdata;
        Callers *callers = caller->service->callers;
        int r = -ENODATA;

        caller->slot = sd_bus_slot_unref(caller->slot);
        caller->is_asking = false;
        callers->n_asking--;

        if (!sd_bus_message_is_method_error(m, NULL))
                r = read_credentials(m, caller);
        caller->knowledge = r < 0 ? CALLER_UNKNOWN : CALLER_KNOWN;
        if (caller->knowledge == CALLER_KNOWN)
                flow_identify(callers->service->flow, caller->name, caller->uid);

        enter_waiting_calls(caller);
        ask_next(callers);
        return 0;
}

static int ask(Callers *callers, Caller *caller)
{
        int r;

        r = sd_bus_call_method_async(callers->service->bus, &caller->slot, DBUS_NAME, DBUS_PATH,
                                     DBUS_INTERFACE, "GetConnectionCredentials", on_credentials,
                                     caller, "s", caller->name);
        if (r < 0)
                return r;

        caller->is_asking = true;
        callers->n_asking++;
        return 0;
}

static void ask_next(Callers *callers)
{
        while (callers->to_ask.head &&
               callers->n_asking < callers->service->limits->credential_calls) {
                Caller *caller = callers->to_ask.head->data;
                int r;

                g_queue_unlink(&callers->to_ask, &caller->in_queue);
                r = ask(callers, caller);
                if (r < 0) {
                        caller->knowledge = CALLER_UNKNOWN;
                        enter_waiting_calls(caller);
                }
        }
}

static Caller *caller_new(Callers *callers, const char *name, Origin *origin)
{
        Caller *caller = g_new(Caller, 1);

        *caller = (Caller){
                .service = callers->service,
                .name = g_strdup(name),
                .origin = origin,
                .kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        };
        caller->in_queue.data = caller;
        g_hash_table_insert(callers->by_name, caller->name, caller);
        return caller;
}

Caller *callers_get(Callers *callers, sd_bus_message *m)
{
        const char *name = channels_sender(callers->service, m);
        Caller *caller;

        if (!name) /* nobody on a bus can be without a name */
                return NULL;

        caller = g_hash_table_lookup(callers->by_name, name);
        if (caller)
                return caller;

        caller = caller_new(callers, name, pipeline_origin_new(callers->service->pipeline));
        caller->knowledge = CALLER_ASKED;
        g_queue_push_tail_link(&callers->to_ask, &caller->in_queue);
        ask_next(callers);
        return caller;
}

Caller *callers_add_channel(Callers *callers, Caller *owner, const char *address, Channel *channel)
{
        Origin *origin = pipeline_origin_new_beside(callers->service->pipeline, owner->origin);
        Caller *caller = caller_new(callers, address, origin);

        caller->knowledge = CALLER_KNOWN;
        caller->owner = owner;
        caller->channel = channel;
        caller->uid = owner->uid;
        caller->gids = g_memdup2(owner->gids, owner->n_gids * sizeof *owner->gids);
        caller->n_gids = owner->n_gids;
        return caller;
}

Caller *caller_on_bus(Caller *caller)
{
        return caller->owner ? caller->owner : caller;
}

const char *caller_unique_name(const Caller *caller)
{
        return caller->owner ? caller->owner->name : caller->name;
}

sd_bus *caller_bus(const Caller *caller)
{
        return caller->channel ? caller->channel->bus : caller->service->bus;
}

const char *caller_destination(const Caller *caller)
{
        return caller->channel ? NULL : caller->name;
}

const Caller *callers_find(const Callers *callers, const char *name)
{
        return g_hash_table_lookup(callers->by_name, name);
}

size_t callers_count(const Callers *callers)
{
        return g_hash_table_size(callers->by_name);
}

bool caller_is_in_group(const Caller *caller, uint32_t gid)
{
        if (gid == NAMESPACE_NO_GROUP)
                return false;
        for (size_t i = 0; i < caller->n_gids; i++)
                if (caller->gids[i] == gid)
                        return true;

        return false;
}
