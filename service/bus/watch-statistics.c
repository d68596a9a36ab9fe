/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch statistics
 */

#include "bus/watch-statistics.h"

#include "bus/watches.h"

#include <inttypes.h>

static GVariant *describe(const Watch *watch)
{
        const WatchTopic *topic = watch->group->topic;
        g_auto(GVariantDict) facts = G_VARIANT_DICT_INIT(NULL);

        g_variant_dict_insert(&facts, topic->is_of_names ? "ns-prefix" : "ns-name", "s",
                              topic->name);
        if (!topic->is_of_names)
                g_variant_dict_insert(&facts, "prefix", "s", watch->group->prefix);
        g_variant_dict_insert(&facts, "state", "s", watch_state_name(watch));
        g_variant_dict_insert(&facts, "revision", "t", watch->previous);
        g_variant_dict_insert(&facts, "sent", "t", watch->n_changed);
        g_variant_dict_insert(&facts, "withheld", "t", watch->n_withheld);
        g_variant_dict_insert(&facts, "resynchronized", "t", watch->n_resynchronized);
        if (watch->is_acknowledging) {
                g_variant_dict_insert(&facts, "unacknowledged", "t",
                                      watch->debts ? (guint64) watch->debts->len : UINT64_C(0));
                g_variant_dict_insert(&facts, "unacknowledged-bytes", "t", watch->debt_bytes);
        }
        return g_variant_dict_end(&facts);
}

GVariant *watch_statistics(const BusService *service, const char *name)
{
        const Watcher *watcher = watches_watcher(service->watches, name);
        g_auto(GVariantDict) all = G_VARIANT_DICT_INIT(NULL);

        for (GList *l = watcher ? watcher->all.head : NULL; l; l = l->next) {
                const Watch *watch = l->data;
                char number[24];

                g_snprintf(number, sizeof number, "%" PRIu64, watch->number);
                g_variant_dict_insert_value(&all, number, describe(watch));
        }
        return g_variant_dict_end(&all);
}
