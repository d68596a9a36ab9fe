/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus service
 */

#include "bus/bus-service.h"

#include "bus/backup.h"
#include "bus/broadcast.h"
#include "bus/bus-error.h"
#include "bus/caller.h"
#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/good.h"
#include "bus/held-values.h"
#include "bus/lifetimes.h"
#include "bus/log-control.h"
#include "bus/manager-object.h"
#include "bus/namespace-object.h"
#include "bus/object-manager.h"
#include "bus/open-view.h"
#include "bus/participation.h"
#include "bus/polkit.h"
#include "bus/quick-replies.h"
#include "bus/signals.h"
#include "bus/values-object.h"
#include "bus/watch-publisher.h"
#include "bus/watch-rights.h"
#include "bus/watch-withheld.h"
#include "bus/watches.h"
#include "bus/write-brake.h"
#include "bus/write.h"
#include "core/outgoing.h"

static void slot_free(gpointer slot)
{
        sd_bus_slot_unref(slot);
}

void bus_service_keep_slot(BusService *service, sd_bus_slot *slot)
{
        if (sd_bus_slot_get_bus(slot) == service->bus) {
                g_ptr_array_add(service->slots, slot);
                return;
        }
        (void) sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
}

int bus_service_export(BusService *service, sd_bus *bus)
{
        static int (*const exports[])(BusService *, sd_bus *) = {
                flow_export,          manager_object_export,   object_manager_export,
                values_object_export, namespace_object_export, log_control_export,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(exports); i++) {
                int r = exports[i](service, bus);

                if (r < 0)
                        return r;
        }

        return 0;
}

int bus_service_new(BusService **ret_service,
                    sd_bus *bus,
                    State *state,
                    Pipeline *pipeline,
                    const Limits *limits,
                    const ServiceStatus *status,
                    const BusPorts *ports)
{
        g_autoptr(BusService) service = g_new(BusService, 1);
        int r;

        *service = (BusService){
                .bus = bus,
                .event = sd_bus_get_event(bus),
                .state = state,
                .pipeline = pipeline,
                .limits = limits,
                .status = status,
                .ports = *ports,
                .slots = g_ptr_array_new_with_free_func(slot_free),
        };

        r = bus_error_register();
        if (r < 0)
                return r;

        service->outgoing = outgoing_new(limits, state_accounts(state));
        r = flow_new(&service->flow, service);
        if (r < 0)
                return r;

        service->lifetimes = lifetimes_new(service);
        r = callers_new(&service->callers, service);
        if (r < 0)
                return r;

        r = polkit_new(&service->polkit, bus, service->outgoing);
        if (r < 0)
                return r;

        r = participation_new(&service->participation, service);
        if (r < 0)
                return r;

        r = channels_new(&service->channels, service);
        if (r < 0)
                return r;

        r = held_values_new(&service->held_values, service);
        if (r < 0)
                return r;

        service->quick_replies = quick_replies_new();
        service->broadcasts = broadcasts_new(service);
        service->signals = signals_new(service);
        service->watches = watches_new(service);
        service->withheld = withheld_watches_new(service);
        service->rights = watch_rights_new(service);
        service->watch_publisher = watch_publisher_new(service);
        service->write_brake = write_brake_new(service);
        service->backups = backups_new(service);
        service->open_views = open_views_new(service);
        r = bus_service_export(service, bus);
        if (r < 0)
                return r;

        *ret_service = g_steal_pointer(&service);
        return 0;
}

BusService *bus_service_free(BusService *service)
{
        if (!service)
                return NULL;

        g_ptr_array_unref(service->slots);
        channels_free(service->channels);
        watches_free(service->watches);
        withheld_watches_free(service->withheld);
        watch_rights_free(service->rights);
        watch_publisher_free(service->watch_publisher);
        write_brake_free(service->write_brake);
        participation_stop(service->participation);
        callers_free(service->callers);
        participation_free(service->participation);
        lifetimes_free(service->lifetimes);
        good_job_free(service->good_job);
        backups_free(service->backups);
        open_views_free(service->open_views);
        polkit_free(service->polkit);
        flow_free(service->flow);
        outgoing_free(service->outgoing);
        held_values_free(service->held_values);
        quick_replies_free(service->quick_replies);
        broadcasts_free(service->broadcasts);
        signals_free(service->signals);
        g_free(service);
        return NULL;
}

void bus_service_applying(BusService *service, const Commit *commit)
{
        watch_publisher_applying(service->watch_publisher, commit);
}

void bus_service_applied(BusService *service, const Commit *commit)
{
        watch_publisher_applied(service->watch_publisher, commit);
}

int bus_service_begin(BusService *service, void (*on_begun)(void *userdata), void *userdata)
{
        return lifetimes_begin(service->lifetimes, on_begun, userdata);
}

uint64_t bus_service_weigh(const BusService *service, const char *name)
{
        return watches_weigh(service->watches, name);
}

bool bus_service_holds_writes(BusService *service)
{
        return write_brake_holds(service->write_brake);
}

void bus_service_stop(BusService *service)
{
        held_values_send(service->held_values);
}

void bus_service_publish(BusService *service, const GPtrArray *commits)
{
        signals_publish(service->signals, commits);
}

void bus_service_answered(BusService *service)
{
        quick_replies_send(service->quick_replies);
}

void bus_service_declared(BusService *service, Namespace *ns)
{
        signals_publish_declaration(service->signals, ns);
        watch_publisher_declared(service->watch_publisher, ns);
}

void bus_service_view_ready(BusService *service, const char *name)
{
        open_views_ready(service->open_views, name);
}

void bus_service_reconsider(Call *call, Request *request)
{
        write_reconsider(call, request);
}
