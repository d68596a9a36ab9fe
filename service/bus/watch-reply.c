/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch reply
 */

#include "bus/watch-reply.h"

#include "bus/bus-error.h"
#include "bus/value-codec.h"
#include "bus/watch-delivery.h"
#include "bus/watch-properties.h"
#include "client/regent-names.h"
#include "core/history.h"
#include "core/namespace-walk.h"

#include <inttypes.h>
#include <string.h>

/* What a key takes in an array of strings. */
#define NAME_FRAME_BYTES 8u

/* What keys that are removed may take, as far as room is asked for in advance. */
#define REMOVED_BYTES (64 * LIMIT_KIB)

int watch_reply_grow(Answer *answer, uint64_t n_bytes, sd_bus_error *reterr_bus)
{
        switch (answer_grow(answer, n_bytes)) {
        case ANSWER_E_TOO_BIG:
                return bus_refused(
                        sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                          "More than a reply of %" PRIu64
                                          " bytes: watch with 'no-values', read pages with "
                                          "Namespace.GetMany, and give 'since' next time",
                                          answer->n_bytes_max));
        case ANSWER_E_NO_ROOM:
                return flow_refuse(answer->service, answer->call, reterr_bus);
        default:
                return 0;
        }
}

uint64_t watch_reply_bytes(const Namespace *ns, const WatchOptions *options)
{
        if (options->has_no_values)
                return 0;
        return namespace_reply_bytes(ns) + (options->has_since ? REMOVED_BYTES : 0);
}

int watch_reply_append_all(Answer *answer,
                           const Namespace *ns,
                           const char *prefix,
                           sd_bus_error *reterr_bus)
{
        NamespaceWalk walk;
        Entry *entry;
        int r;

        r = sd_bus_message_open_container(answer->reply, 'a', "{sv}");
        if (r < 0)
                return r;

        namespace_walk_begin(&walk, ns, prefix, "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk))) {
                r = watch_reply_grow(answer, entry_reply_bytes(entry), reterr_bus);
                if (r >= 0)
                        r = value_codec_append_pair(answer->reply, entry);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(answer->reply);
}

typedef struct Difference {
        Answer *answer;
        GPtrArray *removed;
        sd_bus_error *reterr_bus;
} Difference;

static int on_differs(void *userdata, const char *key, Entry *entry)
{
        const Difference *difference = userdata;
        Answer *answer = difference->answer;
        int r;

        r = watch_reply_grow(answer,
                             entry ? entry_reply_bytes(entry) : NAME_FRAME_BYTES + strlen(key),
                             difference->reterr_bus);
        if (r < 0)
                return r;

        if (!entry) {
                g_ptr_array_add(difference->removed, (gpointer) (uintptr_t) key);
                return 0;
        }
        r = value_codec_append_pair(answer->reply, entry);
        return r < 0 ? r : 0;
}

int watch_reply_append_since(Answer *answer,
                             Namespace *ns,
                             const char *prefix,
                             uint64_t since,
                             GPtrArray *removed,
                             sd_bus_error *reterr_bus)
{
        Difference difference = { answer, removed, reterr_bus };
        int r;

        r = sd_bus_message_open_container(answer->reply, 'a', "{sv}");
        if (r < 0)
                return r;

        r = history_walk(answer->service->state, ns, prefix, since, on_differs, &difference);
        if (r > 0)
                return bus_refused(bus_error_set(
                        reterr_bus, r,
                        "Too much has changed since then: watch without 'since', or with "
                        "'no-values', and read pages with Namespace.GetMany"));
        if (r < 0)
                return r;

        return sd_bus_message_close_container(answer->reply);
}

int watch_reply_append_keys(Answer *answer, const GPtrArray *keys)
{
        int r;

        r = sd_bus_message_open_container(answer->reply, 'a', "s");
        for (guint i = 0; r >= 0 && i < keys->len; i++)
                r = sd_bus_message_append_basic(answer->reply, 's', keys->pdata[i]);
        return r < 0 ? r : sd_bus_message_close_container(answer->reply);
}

uint64_t watch_reply_number(const BusService *service, const Watch *resumed)
{
        return resumed ? resumed->number : watches_next_number(service->watches);
}

void watch_reply_done(BusService *service,
                      Watch *resumed,
                      Caller *caller,
                      bool is_of_names,
                      const char *name,
                      const WatchOptions *options)
{
        Watch *watch = resumed;

        if (!watch) {
                watch = watches_add(service->watches, caller, is_of_names, name,
                                    is_of_names ? "" : options->prefix);
                watch->is_acknowledging = options->flags & REGENT_WATCH_ACKNOWLEDGED;
        }
        watch_resume(watch, state_revision(service->state));
        watch_properties_go_on(service, watch->watcher);
}
