/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bus service
 *
 * Everything Regent has on one bus: the objects below, and what they share. The handlers of all of
 * them get the BusService as their userdata.
 */

#include "core/copy.h"
#include "core/limits.h"
#include "core/pipeline.h"
#include "core/state.h"
#include "core/status.h"

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Backups Backups;
typedef struct Broadcasts Broadcasts;
typedef struct Call Call;
typedef struct Callers Callers;
typedef struct Channels Channels;
typedef struct Flow Flow;
typedef struct GoodJob GoodJob;
typedef struct OpenViews OpenViews;
typedef struct Lifetimes Lifetimes;
typedef struct Outgoing Outgoing;
typedef struct Participation Participation;
typedef struct Polkit Polkit;
typedef struct HeldValues HeldValues;
typedef struct QuickReplies QuickReplies;
typedef struct Signals Signals;
typedef struct WatchPublisher WatchPublisher;
typedef struct WatchRights WatchRights;
typedef struct Watches Watches;
typedef struct WithheldWatches WithheldWatches;
typedef struct WriteBrake WriteBrake;

enum {
        BUS_PORT_E_UNDER_WAY = 1,
        BUS_PORT_E_MARKED, /* from mark_good(): it is so already, and on_marked() is not called */
        BUS_PORT_E_HELD, /* from open_view(), as are the next two: readers have too many old ones */
        BUS_PORT_E_NO_ROOM,
        BUS_PORT_E_TOO_MUCH, /* for this uid */
};

/* @r: 0, or -ECANCELED when that is given up. */
typedef void (*BusReloaded)(void *call, int r);
typedef void (*BusMarked)(void *job, int r);
typedef void (*BusBackedUp)(void *job, int r, const StateCopy *copy);
typedef void (*BusLoaded)(void *job, int r, State *source, const CommitSource *identity);

/* What open_view() gives. */
typedef struct BusView {
        int fd; /* the caller closes it */
        uint64_t n_bytes;
        uint64_t generation;
        uint64_t revision;
} BusView;

/* What the bus needs of parts that it does not know. */
typedef struct BusPorts {
        /*
         * Reads the configuration anew. 0; BUS_PORT_E_UNDER_WAY when commits follow from it that are
         * not durable yet; a negative errno when it cannot be read.
         */
        int (*reload)(void *userdata);

        /* After BUS_PORT_E_UNDER_WAY: calls @on_done when they are, later. */
        void (*when_reloaded)(void *userdata, BusReloaded on_done, void *call);

        /* Makes the present state the last known good one: 0, BUS_PORT_E_MARKED or an errno. */
        int (*mark_good)(void *userdata, BusMarked on_marked, void *job);

        /* Reads the last known good state, and hands it over. */
        void (*load_good)(void *userdata, BusLoaded on_loaded, void *job);

        /* Copies the persistent state, and hands the copy over: 0 or an errno. */
        int (*back_up)(void *userdata, BusBackedUp on_backed_up, void *job);

        /*
         * A view of @ns for @uid, which may read it: 0; BUS_PORT_E_UNDER_WAY: ask again when
         * bus_service_view_ready() is called; BUS_PORT_E_*; an errno.
         */
        int (*open_view)(void *userdata, Namespace *ns, uint32_t uid, BusView *ret_view);
        /* @session (core/session.h) has ended: what it has is to go, once it is part of the state. */
        void (*end_session)(void *userdata, const char *session);

        /* Inserts what the other parts count, and what else @uid may know. */
        void (*add_statistics)(void *userdata, uint32_t uid, GVariantDict *statistics);

        /* Writes need not be held back any more, see bus_service_holds_writes(). */
        void (*go_on)(void *userdata);

        /* Nothing else is to be read now: what waits to be written need not wait for more. */
        void (*write_now)(void *userdata);

        /* There is more to be read: what has waited for that for milliseconds is written nevertheless. */
        void (*write_late)(void *userdata);

        void *userdata;
} BusPorts;

typedef struct BusService {
        sd_bus *bus; /* borrowed, as are the next five */
        sd_event *event;
        State *state;
        Pipeline *pipeline;
        const Limits *limits;
        const ServiceStatus *status;
        BusPorts ports;
        Callers *callers;
        Channels *channels;
        Lifetimes *lifetimes;
        Outgoing *outgoing;
        Flow *flow;
        Broadcasts *broadcasts;
        Polkit *polkit;
        Participation *participation;
        HeldValues *held_values;
        QuickReplies *quick_replies;
        Signals *signals;
        Watches *watches;
        WithheldWatches *withheld;
        WatchRights *rights;
        WriteBrake *write_brake;
        WatchPublisher *watch_publisher;
        Call *entering;    /* the call whose handler has been entered again, while it runs */
        GoodJob *good_job; /* the one there may be at a time */
        Backups *backups;
        OpenViews *open_views;
        Call *parked; /* the one parked last; of use right after CALL_E_PARKED alone */
        GPtrArray *slots;
} BusService;

/* Exports all objects on @bus. Borrows everything, for as long as it lives. */
int bus_service_new(BusService **ret_service,
                    sd_bus *bus,
                    State *state,
                    Pipeline *pipeline,
                    const Limits *limits,
                    const ServiceStatus *status,
                    const BusPorts *ports);
BusService *bus_service_free(BusService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BusService, bus_service_free)

/* @commit is about to become part of the state, and is: tells those who watch. */
void bus_service_applying(BusService *service, const Commit *commit);
void bus_service_applied(BusService *service, const Commit *commit);

/*
 * Before the name is asked for: finds out which sessions have ended, and calls @on_begun when that is
 * known. What fails later ends the loop.
 */
int bus_service_begin(BusService *service, void (*on_begun)(void *userdata), void *userdata);

/* How many signals a change of @name makes for those who watch. */
uint64_t bus_service_weigh(const BusService *service, const char *name);

/*
 * Whether so much waits to be sent that nothing more should be changed now. BusPorts.go_on() is called
 * when that is over.
 */
bool bus_service_holds_writes(BusService *service);

/* The loop is about to end. */
void bus_service_stop(BusService *service);

/* @commits (Commit) are part of the state: tells those who follow. */
void bus_service_publish(BusService *service, const GPtrArray *commits);

/* And everybody who asked for them has been answered. */
void bus_service_answered(BusService *service);

/* @ns has another declaration now, or none: tells those who follow, unless they know of it. */
void bus_service_declared(BusService *service, Namespace *ns);

/* There is a view of the namespace @name now, or there cannot be one. */
void bus_service_view_ready(BusService *service, const char *name);

/* The pipeline's reconsider() for a request that was submitted from here. */
void bus_service_reconsider(Call *call, Request *request);

/* Has the objects on @bus, too: it is a channel's. */
int bus_service_export(BusService *service, sd_bus *bus);

/* Keeps @slot for the service's life, or, of a channel, for that of its bus. */
void bus_service_keep_slot(BusService *service, sd_bus_slot *slot);
