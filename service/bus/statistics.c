/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics
 */

#include "bus/statistics.h"

#include "bus/authorizer.h"
#include "bus/bus-service.h"
#include "bus/caller.h"
#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/options.h"
#include "bus/participation.h"
#include "bus/polkit.h"
#include "bus/value-codec.h"
#include "bus/watches.h"
#include "client/regent-names.h"
#include "core/value.h"
#include "util/auto.h"

/* What @uid has, and may have, of its own; nothing bounds uid 0. */
static void add_statistics_of_uid(const BusService *service, uint32_t uid, GVariantDict *statistics)
{
        const Accounts *accounts = state_accounts(service->state);
        const Limits *limits = service->limits;

        g_variant_dict_insert(statistics, "uid-namespaces", "t",
                              accounts_get(accounts, uid, ACCOUNT_NAMESPACES));
        g_variant_dict_insert(statistics, "uid-keys", "t",
                              accounts_get(accounts, uid, ACCOUNT_KEYS));
        g_variant_dict_insert(statistics, "uid-bytes", "t",
                              accounts_get(accounts, uid, ACCOUNT_BYTES));
        g_variant_dict_insert(statistics, "uid-pending-changes", "t",
                              accounts_get(accounts, uid, ACCOUNT_PENDING_CHANGES));
        g_variant_dict_insert(statistics, "uid-pending-bytes", "t",
                              accounts_get(accounts, uid, ACCOUNT_PENDING_BYTES));
        if (uid == 0)
                return;

        g_variant_dict_insert(statistics, "uid-namespaces-max", "t", limits->uid_namespaces);
        g_variant_dict_insert(statistics, "uid-keys-max", "t", limits->uid_keys);
        g_variant_dict_insert(statistics, "uid-bytes-max", "t", limits->uid_bytes);
        g_variant_dict_insert(statistics, "uid-pending-changes-max", "t",
                              limits->uid_pending_changes);
        g_variant_dict_insert(statistics, "uid-pending-bytes-max", "t", limits->uid_pending_bytes);
}

static void add_own_statistics(const BusService *service, uint32_t uid, GVariantDict *statistics)
{
        const PipelineStatistics *pipeline = pipeline_statistics(service->pipeline);

        g_variant_dict_insert(statistics, "commits", "t", pipeline->n_commits);
        g_variant_dict_insert(statistics, "batches", "t", pipeline->n_batches);
        g_variant_dict_insert(statistics, "lazy-commits", "t", pipeline->n_lazy);
        g_variant_dict_insert(statistics, "refused", "t", pipeline->n_refused);
        g_variant_dict_insert(statistics, "unchanged", "t", pipeline->n_unchanged);
        g_variant_dict_insert(statistics, "namespaces", "t",
                              (guint64) g_tree_nnodes(state_namespaces(service->state)));
        g_variant_dict_insert(statistics, "keys", "t", state_n_keys(service->state));
        g_variant_dict_insert(statistics, "bytes", "t", state_usage(service->state));
        g_variant_dict_insert(statistics, "declarations", "t",
                              (guint64) declarations_count(state_declarations(service->state)));
        g_variant_dict_insert(statistics, "pending-changes", "t",
                              (guint64) pending_changes_all(state_pending(service->state))->len);
        g_variant_dict_insert(statistics, "sessions", "t",
                              sessions_count(state_sessions(service->state)));
        g_variant_dict_insert(statistics, "session-keys", "t",
                              sessions_n_keys_of_all(state_sessions(service->state)));
        g_variant_dict_insert(statistics, "callers", "t",
                              (guint64) callers_count(service->callers));
        g_variant_dict_insert(statistics, "polkit-checks", "t", polkit_n_asked(service->polkit));
        g_variant_dict_insert(statistics, "polkit-checks-waiting", "t",
                              polkit_n_waiting(service->polkit));
        g_variant_dict_insert(statistics, "watches", "t",
                              (guint64) watches_count(service->watches));
        flow_add_statistics(service, statistics);
        channels_add_statistics(service->channels, uid, statistics);
        participation_add_statistics(service->participation, statistics);
}

static int append_dictionary(sd_bus_message *reply, GVariant *dictionary)
{
        GVariantIter iter;
        const char *name;
        GVariant *value;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;

        g_variant_iter_init(&iter, dictionary);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &value)) {
                r = sd_bus_message_open_container(reply, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, 's', name);
                if (r >= 0)
                        r = value_codec_append(reply, value);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
                if (r < 0) {
                        g_variant_unref(value);
                        return r;
                }
        }

        return sd_bus_message_close_container(reply);
}

/* Who is connected, and whose they are, is not for everybody. */
static int authorize_connections(BusService *service, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        static const AuthorizerQuestion question = { AUTHORIZE_MANAGE, "", "GetStatistics", false,
                                                     0 };
        Namespace *none;

        return authorizer_check(service, m, statistics_method_get, &question, &none, reterr_bus);
}

static int send_dictionary(BusService *service,
                           sd_bus_message *m,
                           GVariant *all,
                           sd_bus_error *reterr_bus)
{
        g_autoptr(sd_bus_message) reply = NULL;
        uint64_t n_bytes = LEDGER_MESSAGE_BYTES + value_wire_bytes(all);
        int r;

        r = flow_new_reply(service, m, statistics_method_get, n_bytes, &reply, reterr_bus);
        if (r != 0)
                return r;

        r = append_dictionary(reply, all);
        if (r < 0)
                return r;

        return flow_send(service, m, reply, n_bytes);
}

int statistics_method_get(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_auto(GVariantDict) statistics = G_VARIANT_DICT_INIT(NULL);
        g_autoptr(GVariant) all = NULL;
        Caller *caller;
        uint64_t flags;
        int r;

        r = flags_read(m, REGENT_STATISTICS_CONNECTIONS, &flags, reterr_bus);
        if (r < 0)
                return r;

        r = authorizer_identify(service, m, statistics_method_get, 0, &caller, reterr_bus);
        if (r == 0 && (flags & REGENT_STATISTICS_CONNECTIONS))
                r = authorize_connections(service, m, reterr_bus);
        if (r != 0)
                return r;

        service->ports.add_statistics(service->ports.userdata, caller->uid, &statistics);
        add_statistics_of_uid(service, caller->uid, &statistics);
        add_own_statistics(service, caller->uid, &statistics);
        if (flags & REGENT_STATISTICS_CONNECTIONS)
                g_variant_dict_insert_value(&statistics, "connections", flow_connections(service));
        all = g_variant_ref_sink(g_variant_dict_end(&statistics));

        return send_dictionary(service, m, all, reterr_bus);
}
