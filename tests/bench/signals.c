/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals
 *
 * The watching connection pings regentd after the Apply was answered. The bus keeps the order of
 * what one sender sends to one receiver, so once the ping is answered every signal of the Apply has
 * come.
 */

#include "signals.h"

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"
#include "fill.h"
#include "statistics.h"

#include <stdio.h>

typedef struct Seen {
        uint32_t n_signals;
        uint32_t n_keys;
} Seen;

static int count_keys(sd_bus_message *signal, Seen *seen)
{
        const char *invalidated;
        int r;

        r = sd_bus_message_skip(signal, "s");
        if (r >= 0)
                r = sd_bus_message_enter_container(signal, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(signal, 'e', "sv");
                if (r == 0)
                        break;
                if (r >= 0)
                        r = sd_bus_message_skip(signal, "sv");
                if (r >= 0)
                        r = sd_bus_message_exit_container(signal);
                seen->n_keys++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(signal);
        if (r >= 0)
                r = sd_bus_message_enter_container(signal, 'a', "s");
        while (r >= 0) {
                r = sd_bus_message_read(signal, "s", &invalidated);
                if (r == 0)
                        break;
                seen->n_keys++;
        }

        return r;
}

static int on_changed(sd_bus_message *signal,
                      void *userdata,
                      sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Seen *seen = userdata;

        seen->n_signals++;
        return count_keys(signal, seen);
}

/* What came before the answer to a ping is queued by now. */
static int process_all(sd_bus *bus)
{
        int r;

        r = bus_ping(bus);
        if (r < 0)
                return r;

        do
                r = sd_bus_process(bus, NULL);
        while (r > 0);

        return r;
}

int signals_run(const char *address, const char *ns_name, uint32_t n_changes)
{
        g_autoptr(sd_bus) watcher = NULL;
        g_autoptr(sd_bus) writer = NULL;
        g_autoptr(GHashTable) before = NULL;
        g_autoptr(GHashTable) after = NULL;
        char path[ENTRY_TEXT_PATH_SIZE];
        Seen seen = { 0 };
        int r;

        r = bus_open(&watcher, address);
        if (r < 0)
                return r;

        r = bus_open(&writer, address);
        if (r < 0)
                return r;

        entry_text_path(path, ns_name);
        r = sd_bus_match_signal(watcher, NULL, REGENT_BUS_NAME, path,
                                "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed,
                                &seen);
        if (r < 0)
                return r;

        r = statistics_read(writer, &before);
        if (r < 0)
                return r;

        r = fill_run(writer, ns_name, 1, 0, n_changes, n_changes);
        if (r < 0)
                return r;

        r = statistics_read(writer, &after);
        if (r < 0)
                return r;

        r = process_all(watcher);
        if (r < 0)
                return r;

        printf("{\"signals\": %u, \"keys\": %u, \"statistics\": ", seen.n_signals, seen.n_keys);
        statistics_print_moved(stdout, before, after);
        printf("}\n");
        return 0;
}
