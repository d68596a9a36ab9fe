/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inbound messages
 *
 * Signals about a watch that is not known are of one that nobody waits for any more: it is ended.
 */

#include "inbound.h"

#include "participant-private.h"
#include "watch-private.h"

#include <string.h>

/* An answer is up to 16 MiB, and so is what regentd lets a channel leave unread. */
#define TURNS_MAX 4u

typedef struct WatchName {
        sd_bus *link;
        uint64_t number;
        const char *path;
} WatchName;

struct Inbound {
        char *server;             /* unique name of who answered last on the bus */
        GHashTable *watches;      /* WatchName -> RegentWatch, borrowed */
        GHashTable *participants; /* path -> RegentParticipant, borrowed */
        uint64_t n_participants;  /* that there ever were */
        unsigned n_turns;         /* that are taken */
        GQueue waiting;           /* RegentWatch, for a turn; borrowed */
};

static guint name_hash(gconstpointer item)
{
        const WatchName *name = item;

        return g_direct_hash(name->link) ^ g_int64_hash(&name->number) ^ g_str_hash(name->path);
}

static gboolean name_equal(gconstpointer a, gconstpointer b)
{
        const WatchName *first = a, *second = b;

        return first->link == second->link && first->number == second->number &&
               strcmp(first->path, second->path) == 0;
}

static Inbound *require(Regent *regent)
{
        if (!regent->inbound) {
                regent->inbound = g_new0(Inbound, 1);
                regent->inbound->watches =
                        g_hash_table_new_full(name_hash, name_equal, g_free, NULL);
                regent->inbound->participants =
                        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        }

        return regent->inbound;
}

Inbound *inbound_free(Inbound *inbound)
{
        if (!inbound)
                return NULL;

        g_queue_clear(&inbound->waiting);
        g_hash_table_unref(inbound->watches);
        g_hash_table_unref(inbound->participants);
        g_free(inbound->server);
        g_free(inbound);
        return NULL;
}

static bool is_of_regentd(const Regent *regent, sd_bus_message *m)
{
        if (sd_bus_message_get_bus(m) == regent->channel)
                return true;

        return regent->inbound->server &&
               g_strcmp0(sd_bus_message_get_sender(m), regent->inbound->server) == 0;
}

static void take_signal(Regent *regent, sd_bus_message *m)
{
        WatchName name = { .link = sd_bus_message_get_bus(m), .path = sd_bus_message_get_path(m) };
        WatchSignal *signal = watch_signal_read(m, &name.number);
        RegentWatch *watch;

        if (!signal)
                return;

        watch = g_hash_table_lookup(regent->inbound->watches, &name);
        if (watch) {
                g_queue_push_tail(&watch->signals, signal);
                watch_take_signals(watch);
                return;
        }

        if (signal->kind != WATCH_SIGNAL_ENDED)
                message_send(name.link, name.path, sd_bus_message_get_interface(m), "Unwatch", "t",
                             name.number);
        watch_signal_free(signal);
}

static bool is_about_watch(sd_bus_message *m)
{
        return sd_bus_message_is_signal(m, REGENT_NAMESPACE_INTERFACE, NULL) > 0 ||
               sd_bus_message_is_signal(m, REGENT_MANAGER_INTERFACE, NULL) > 0;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        Regent *regent = userdata;
        RegentParticipant *participant;

        (void) reterr;

        quick_note_late(regent, m);
        if (!regent->inbound)
                return 0;
        if (is_about_watch(m)) {
                if (is_of_regentd(regent, m))
                        take_signal(regent, m);
                return 1;
        }
        if (sd_bus_message_is_method_call(m, REGENT_PARTICIPANT_INTERFACE, NULL) <= 0)
                return 0;

        participant =
                g_hash_table_lookup(regent->inbound->participants, sd_bus_message_get_path(m));
        if (!participant)
                return 0;
        if (!is_of_regentd(regent, m)) {
                (void) sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED,
                                                  "Only regentd may ask");
                return 1;
        }

        return participant_take(participant, m);
}

/* A filter, as these come unicast, and to objects that come and go. */
int inbound_attach(Regent *regent, sd_bus *link)
{
        return sd_bus_add_filter(link, NULL, on_message, regent);
}

void inbound_note_reply(Regent *regent)
{
        Inbound *inbound = require(regent);
        const char *sender;

        if (!regent->reply || sd_bus_message_get_bus(regent->reply) != regent->bus)
                return;

        sender = sd_bus_message_get_sender(regent->reply);
        if (g_strcmp0(sender, inbound->server) == 0)
                return;

        g_free(inbound->server);
        inbound->server = g_strdup(sender);
}

void inbound_add_watch(Regent *regent, RegentWatch *watch)
{
        WatchName *name = g_new(WatchName, 1);

        *name = (WatchName){ watch->link, watch->number, watch->path };
        g_hash_table_replace(require(regent)->watches, name, watch);
}

void inbound_remove_watch(Regent *regent, RegentWatch *watch)
{
        WatchName name = { watch->link, watch->number, watch->path };
        Inbound *inbound = require(regent);

        if (g_hash_table_lookup(inbound->watches, &name) == watch)
                g_hash_table_remove(inbound->watches, &name);
}

char *inbound_add_participant(Regent *regent, RegentParticipant *participant)
{
        Inbound *inbound = require(regent);
        char *path = g_strdup_printf("/org/regentd/Participant/%" G_GUINT64_FORMAT,
                                     ++inbound->n_participants);

        g_hash_table_insert(inbound->participants, g_strdup(path), participant);
        return path;
}

void inbound_remove_participant(Regent *regent, const char *callback_path)
{
        g_hash_table_remove(require(regent)->participants, callback_path);
}

/* Who waits stays in line until it has its turn, or wants it no more; both bring the next one on. */
static void wake_next(const Inbound *inbound)
{
        if (inbound->n_turns < TURNS_MAX && inbound->waiting.head)
                watch_wait(inbound->waiting.head->data, 0);
}

bool inbound_take_turn(Regent *regent, RegentWatch *watch)
{
        Inbound *inbound = require(regent);

        if (watch->has_turn)
                return true;
        if (inbound->n_turns >= TURNS_MAX) {
                if (!g_queue_find(&inbound->waiting, watch))
                        g_queue_push_tail(&inbound->waiting, watch);
                return false;
        }

        g_queue_remove(&inbound->waiting, watch);
        inbound->n_turns++;
        watch->has_turn = true;
        wake_next(inbound);
        return true;
}

void inbound_end_turn(Regent *regent, RegentWatch *watch)
{
        Inbound *inbound = require(regent);

        g_queue_remove(&inbound->waiting, watch);
        if (watch->has_turn)
                inbound->n_turns--;
        watch->has_turn = false;
        wake_next(inbound);
}
