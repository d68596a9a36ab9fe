/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch outbox
 *
 * Nothing is charged before it is sent, so that a receipt is for it, too. Where what is in here might
 * make the difference to what is admitted, it is sent first: then the ledger knows.
 */

#include "bus/watch-outbox.h"

#include "bus/flow.h"
#include "bus/watch-delivery.h"

/* Either is soon reached by a large batch with many who watch, and the first should not wait for the last. */
#define MESSAGES_MAX 1024u
#define BYTES_MAX    LIMIT_MIB

typedef struct Unsent {
        Watch *watch;
        sd_bus_message *message; /* owned reference */
        uint64_t n_bytes;
        guint position;
} Unsent;

struct WatchOutbox {
        BusService *service;
        GArray *messages; /* Unsent */
        uint64_t n_bytes; /* as they will be charged */
};

static void unsent_clear(gpointer unsent)
{
        sd_bus_message_unref(((Unsent *) unsent)->message);
}

WatchOutbox *watch_outbox_new(BusService *service)
{
        WatchOutbox *outbox = g_new(WatchOutbox, 1);

        *outbox = (WatchOutbox){
                .service = service,
                .messages = g_array_new(FALSE, FALSE, sizeof(Unsent)),
        };
        g_array_set_clear_func(outbox->messages, unsent_clear);
        return outbox;
}

WatchOutbox *watch_outbox_free(WatchOutbox *outbox)
{
        if (!outbox)
                return NULL;

        g_array_unref(outbox->messages);
        g_free(outbox);
        return NULL;
}

bool watch_outbox_admits(WatchOutbox *outbox, const Caller *caller, uint64_t n_bytes)
{
        if (outbox->messages->len > 0) {
                if (flow_admits_behind(outbox->service, caller, outbox->n_bytes, n_bytes))
                        return true;
                watch_outbox_flush(outbox);
        }

        return flow_admit_signal(outbox->service, caller, n_bytes);
}

void watch_outbox_put(WatchOutbox *outbox, Watch *watch, sd_bus_message *m, uint64_t n_bytes)
{
        const Unsent unsent = {
                .watch = watch,
                .message = sd_bus_message_ref(m),
                .n_bytes = n_bytes + LEDGER_MESSAGE_BYTES,
                .position = outbox->messages->len,
        };

        g_array_append_val(outbox->messages, unsent);
        outbox->n_bytes += unsent.n_bytes;
        if (outbox->messages->len >= MESSAGES_MAX || outbox->n_bytes >= BYTES_MAX)
                watch_outbox_flush(outbox);
}

static int compare(const void *a, const void *b)
{
        const Unsent *one = a, *other = b;
        const Watcher *mine = one->watch->watcher, *others = other->watch->watcher;

        if (mine != others)
                return mine < others ? -1 : 1;
        return one->position < other->position ? -1 : 1;
}

static void send(BusService *service, const Unsent *unsent)
{
        int r = 0;

        /* Unless one before it could not be sent, which it is told first. */
        if (unsent->watch->state == WATCH_LIVE)
                r = sd_bus_send(NULL, unsent->message, NULL);
        if (r < 0 || unsent->watch->state != WATCH_LIVE)
                watch_not_delivered(service, unsent->watch, r);
        else
                flow_charge_signal(service, unsent->watch->watcher->caller, unsent->n_bytes);
}

void watch_outbox_flush(WatchOutbox *outbox)
{
        GArray *messages = outbox->messages;

        if (messages->len == 0)
                return;

        qsort(messages->data, messages->len, sizeof(Unsent), compare);
        for (guint i = 0; i < messages->len; i++)
                send(outbox->service, &g_array_index(messages, Unsent, i));
        g_array_set_size(messages, 0);
        outbox->n_bytes = 0;
}
