/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics
 */

#include "statistics.h"

#include "bus.h"
#include "client/regent-names.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

static int read_counter(sd_bus_message *reply, GHashTable *statistics)
{
        const char *name;
        const char *type;
        uint64_t *counter;
        uint64_t value;
        int r;

        r = sd_bus_message_read(reply, "s", &name);
        if (r >= 0)
                r = sd_bus_message_peek_type(reply, NULL, &type);
        if (r < 0)
                return r;

        if (strcmp(type, "t") != 0) {
                r = sd_bus_message_skip(reply, "v");
                return r < 0 ? r : 0;
        }

        r = sd_bus_message_read(reply, "v", "t", &value);
        if (r < 0)
                return r;

        counter = g_new(uint64_t, 1);
        *counter = value;
        g_hash_table_replace(statistics, g_strdup(name), counter);
        return 0;
}

int statistics_read(sd_bus *bus, GHashTable **ret_statistics)
{
        g_autoptr(GHashTable) statistics =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autoptr(sd_bus_message) call = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                           REGENT_MANAGER_INTERFACE, "GetStatistics");
        if (r >= 0)
                r = sd_bus_message_append(call, "t", UINT64_C(0));
        if (r < 0)
                return r;

        r = bus_call(bus, call, &reply);
        if (r < 0)
                return r;

        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(reply, 'e', "sv");
                if (r == 0)
                        break;
                if (r >= 0)
                        r = read_counter(reply, statistics);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        if (r < 0)
                return r;

        *ret_statistics = g_steal_pointer(&statistics);
        return 0;
}

void statistics_print_moved(FILE *out, GHashTable *before, GHashTable *after)
{
        g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(after), (GCompareFunc) strcmp);

        fputc('{', out);
        for (GList *link = names; link; link = link->next) {
                const uint64_t *from = g_hash_table_lookup(before, link->data);
                const uint64_t *to = g_hash_table_lookup(after, link->data);

                fprintf(out, "%s\"%s\": %" PRId64, link == names ? "" : ", ",
                        (const char *) link->data, (int64_t) (*to - (from ? *from : 0)));
        }
        fputc('}', out);
}
