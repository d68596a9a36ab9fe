/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch signals
 *
 * The bus knows no message to several connections by name, so there is one for each watch.
 */

#include "bus/watch-signals.h"

#include "bus/flow.h"
#include "bus/value-codec.h"
#include "client/regent-names.h"
#include "util/auto.h"

static int new_signal(const Watch *watch, const char *member, sd_bus_message **ret_signal)
{
        const WatchTopic *topic = watch->group->topic;
        const Caller *caller = watch->watcher->caller;
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_signal(
                caller_bus(caller), &m, topic->path,
                topic->is_of_names ? REGENT_MANAGER_INTERFACE : REGENT_NAMESPACE_INTERFACE, member);
        if (r < 0)
                return r;

        if (caller_destination(caller))
                r = sd_bus_message_set_destination(m, caller_destination(caller));
        if (r < 0)
                return r;

        *ret_signal = g_steal_pointer(&m);
        return 0;
}

static int append_keys(sd_bus_message *m, const GPtrArray *keys)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        for (guint i = 0; r >= 0 && i < keys->len; i++)
                r = sd_bus_message_append_basic(m, 's', keys->pdata[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_cut(sd_bus_message *m, const WatchCut *cut)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (guint i = 0; r >= 0 && i < cut->changed->len; i++)
                r = value_codec_append_pair(m, cut->changed->pdata[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = append_keys(m, cut->removed);
        return r < 0 ? r : append_keys(m, cut->invalidated);
}

static int send(BusService *service, const Watch *watch, sd_bus_message *m, uint64_t n_bytes)
{
        int r;

        r = sd_bus_send(NULL, m, NULL);
        if (r < 0)
                return r;

        flow_charge_signal(service, watch->watcher->caller, n_bytes + LEDGER_MESSAGE_BYTES);
        return 0;
}

int watch_signals_changed(BusService *service,
                          const Watch *watch,
                          const char *ns_name,
                          uint64_t previous,
                          uint64_t revision,
                          const WatchCut *cut)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_signal(watch, "Changed", &m);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 't', &watch->number);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', ns_name);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 't', &previous);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 't', &revision);
        if (r >= 0)
                r = append_cut(m, cut);
        return r < 0 ? r : send(service, watch, m, cut->n_bytes);
}

int watch_signals_resynchronize(BusService *service,
                                const Watch *watch,
                                const char *ns_name,
                                uint64_t revision)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_signal(watch, "Resynchronize", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "tst", watch->number, ns_name, revision);
        return r < 0 ? r : send(service, watch, m, 0);
}

int watch_signals_ended(BusService *service,
                        const Watch *watch,
                        const char *ns_name,
                        const char *reason)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_signal(watch, "WatchEnded", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "tss", watch->number, ns_name, reason);
        return r < 0 ? r : send(service, watch, m, 0);
}
