/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Callers
 *
 * One Caller for each connection that had to be known: its uid and gids as the bus vouched for
 * them when it connected, its calls under way, and polkit's answers that may be kept. They are
 * asked of the bus once and asynchronously, and forgotten when the unique name leaves the bus.
 */

#include "core/pipeline.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct BusService BusService;
typedef struct Caller Caller;
typedef struct Callers Callers;
typedef struct Channel Channel;

typedef enum CallerKnowledge {
        CALLER_ASKED, /* the bus has not answered yet */
        CALLER_KNOWN,
        CALLER_UNKNOWN, /* the bus could not say who it is */
} CallerKnowledge;

struct Caller {
        BusService *service;
        char *name;       /* unique name, or the address of a channel */
        Caller *owner;    /* of a channel: its connection, which outlives it; else NULL */
        Channel *channel; /* NULL: it is a connection of the bus */
        GQueue channels;  /* of a connection of the bus: Channel */
        CallerKnowledge knowledge;
        bool is_asking; /* the question is under way, not queued */
        uint32_t uid;
        uint32_t *gids; /* of the process when it connected; none known: none */
        size_t n_gids;
        Origin *origin;
        bool has_session; /* has written of class session, or tried to */
        GQueue calls;     /* Call, in order of arrival */
        size_t n_calls;
        uint64_t n_call_bytes;
        GHashTable *kept; /* question -> polkit's yes; see bus/authorizer.c */
        sd_bus_slot *slot;
        GList in_queue; /* of those still to be asked about */
};

int callers_new(Callers **ret_callers, BusService *service);
Callers *callers_free(Callers *callers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Callers, callers_free)

/* The sender of @m; asks the bus about it when it is new. */
Caller *callers_get(Callers *callers, sd_bus_message *m);

/* The Caller of that unique name; NULL when nothing is known of it. */
const Caller *callers_find(const Callers *callers, const char *name);

/* The one of @channel, which is @owner's; it has its credentials. */
Caller *callers_add_channel(Callers *callers, Caller *owner, const char *address, Channel *channel);

/* Nothing more comes from it: drops all that is known of it. */
void callers_forget(Callers *callers, const char *name);

/* The connection of the bus that it is, or that it belongs to; what others are told of it. */
Caller *caller_on_bus(Caller *caller);
const char *caller_unique_name(const Caller *caller);

/* Where what is sent to it goes, and the destination to be named there; NULL: none. */
sd_bus *caller_bus(const Caller *caller);
const char *caller_destination(const Caller *caller);

size_t callers_count(const Callers *callers);

bool caller_is_in_group(const Caller *caller, uint32_t gid);
