/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics of flow control
 */

#include "bus/broadcast.h"
#include "bus/caller.h"
#include "bus/flow-parts.h"
#include "bus/flow.h"
#include "bus/watch-statistics.h"
#include "core/outgoing.h"

void flow_add_statistics(const BusService *service, GVariantDict *statistics)
{
        const Flow *flow = service->flow;

        g_variant_dict_insert(statistics, "unread-bytes", "t", ledger_unread(flow->ledger).n_bytes);
        g_variant_dict_insert(statistics, "unread-bytes-channels", "t",
                              ledger_unread(flow->of_channels).n_bytes);
        g_variant_dict_insert(statistics, "unread-descriptors", "t",
                              ledger_descriptors(flow->ledger));
        g_variant_dict_insert(statistics, "receipts-waiting", "t",
                              outgoing_count(service->outgoing, OUTGOING_RECEIPT));
        g_variant_dict_insert(statistics, "signals-withheld", "t",
                              broadcasts_n_withheld(service->broadcasts));
        g_variant_dict_insert(statistics, "calls-refused-unread", "t", flow->n_refused);
        g_variant_dict_insert(statistics, "calls-unanswered-unread", "t", flow->n_unanswered);
}

static GVariant *describe(const Flow *flow, const Reader *reader)
{
        const Caller *caller = callers_find(flow->service->callers, reader->name);
        g_auto(GVariantDict) facts = G_VARIANT_DICT_INIT(NULL);

        if (reader->is_identified)
                g_variant_dict_insert(&facts, "uid", "u", reader->uid);
        g_variant_dict_insert(&facts, "sent-bytes", "t", reader->sent.n_bytes);
        g_variant_dict_insert(&facts, "unread-bytes", "t", reader_unread(reader).n_bytes);
        g_variant_dict_insert(&facts, "unread-descriptors", "t",
                              reader_unread(reader).n_descriptors);
        g_variant_dict_insert(&facts, "receipts-waiting", "t", (guint64) receipts_count(reader));
        g_variant_dict_insert(&facts, "calls-waiting", "t",
                              caller ? (guint64) caller->n_calls : UINT64_C(0));
        g_variant_dict_insert(&facts, "calls-refused", "t", reader->n_refused);
        g_variant_dict_insert(&facts, "calls-unanswered", "t", reader->n_unanswered);
        g_variant_dict_insert_value(&facts, "watches",
                                    watch_statistics(flow->service, reader->name));
        return g_variant_dict_end(&facts);
}

static void add_connections(const Flow *flow, const Ledger *ledger, GVariantDict *connections)
{
        GHashTableIter iter;
        gpointer reader;

        g_hash_table_iter_init(&iter, ledger_readers(ledger));
        while (g_hash_table_iter_next(&iter, NULL, &reader))
                g_variant_dict_insert_value(connections, ((const Reader *) reader)->name,
                                            describe(flow, reader));
}

GVariant *flow_connections(const BusService *service)
{
        g_auto(GVariantDict) connections = G_VARIANT_DICT_INIT(NULL);

        add_connections(service->flow, service->flow->ledger, &connections);
        add_connections(service->flow, service->flow->of_channels, &connections);
        return g_variant_dict_end(&connections);
}
