/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Receipts
 *
 * What becomes of a connection that is asked:
 *
 *             asked                       answer          error of the peer   error of the bus
 *   IDLE      PINGED, or looked up, or    -               -                   -
 *             QUEUED
 *   QUEUED    looked up                   -               -                   -
 *   PINGED    looked up                   read, IDLE      read, IDLE          IDLE
 *
 * Being looked up goes on beside these states. The bus answers that itself, so it takes none of the
 * places for replies; a Ping takes one until its peer answers or leaves, and there are few. When
 * none is free the connection is looked up, and where the bus cannot do that, it waits for its
 * turn. Nobody who asks for more is served better for not answering.
 *
 * GetConnectionStats is part of dbus-daemon's interface org.freedesktop.DBus.Debug.Stats; the bus
 * policy shipped with regentd lets it ask. Its "OutgoingBytes" and "OutgoingFDs" are what is queued
 * for a connection, from whomever: which is what counts against the senders.
 */

#include "bus/receipts.h"

#include "bus/call.h"
#include "util/auto.h"
#include "util/log.h"

#include <string.h>

#define DBUS_NAME       "org.freedesktop.DBus"
#define DBUS_PATH       "/org/freedesktop/DBus"
#define STATS_INTERFACE "org.freedesktop.DBus.Debug.Stats"
#define PEER_INTERFACE  "org.freedesktop.DBus.Peer"

struct Receipts {
        sd_bus *bus;
        const Limits *limits;
        Outgoing *outgoing;
        GQueue waiting; /* Receipt, that could not be asked for yet */
        bool is_blind;  /* this bus does not tell what it has queued */
        ReceiptsOnRead on_read;
        void *on_read_userdata;
};

/* A Reader's, while it is asked. */
typedef struct Receipt {
        Receipts *receipts;
        Reader *reader;
        sd_bus_slot *ping, *look; /* NULL: not under way */
        LedgerMark ping_mark, look_mark;
        GList in_waiting;
        bool is_waiting;
        bool is_to_look_again; /* the look under way was begun too early for some of these */
        GQueue parked;         /* Call, entered again when the look is done */
} Receipt;

static void ask_next(Receipts *receipts);
static int look(Receipt *receipt);

Receipts *receipts_new(sd_bus *bus, const Limits *limits, Outgoing *outgoing)
{
        Receipts *receipts = g_new(Receipts, 1);

        *receipts = (Receipts){ .bus = bus, .limits = limits, .outgoing = outgoing };
        return receipts;
}

Receipts *receipts_free(Receipts *receipts)
{
        g_free(receipts);
        return NULL;
}

void receipts_set_on_read(Receipts *receipts, ReceiptsOnRead on_read, void *userdata)
{
        receipts->on_read = on_read;
        receipts->on_read_userdata = userdata;
}

static void confirm(const Receipt *receipt, LedgerMark mark, LedgerMark left)
{
        Receipts *receipts = receipt->receipts;

        reader_confirm(receipt->reader, mark, left);
        if (receipts->on_read)
                receipts->on_read(receipts->on_read_userdata, receipt->reader);
}

static void stop_waiting(Receipt *receipt)
{
        if (!receipt->is_waiting)
                return;
        receipt->is_waiting = false;
        g_queue_unlink(&receipt->receipts->waiting, &receipt->in_waiting);
}

static void end_ping(Receipt *receipt)
{
        if (!receipt->ping)
                return;
        receipt->ping = sd_bus_slot_unref(receipt->ping);
        outgoing_end(receipt->receipts->outgoing, OUTGOING_RECEIPT, receipt->reader->uid);
}

static bool is_from_bus(sd_bus_message *m)
{
        return g_strcmp0(sd_bus_message_get_sender(m), DBUS_NAME) == 0;
}

static int on_ping(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Receipt *receipt = userdata;
        Receipts *receipts = receipt->receipts;

        end_ping(receipt);

        /* An error of the peer's own tells as much as an answer; one of the bus, nothing. */
        if (!sd_bus_message_is_method_error(m, NULL) || !is_from_bus(m))
                confirm(receipt, receipt->ping_mark, (LedgerMark){});
        else
                log_debug("%s could not be asked for a receipt: %s", receipt->reader->name,
                          sd_bus_message_get_error(m)->message);

        /* What was sent meanwhile has not been asked for by a Ping. */
        receipt->reader->asked = receipt->ping_mark;
        if (reader_is_due(receipt->reader))
                receipts_ask(receipts, receipt->reader);
        ask_next(receipts);
        return 0;
}

static int start_ping(Receipt *receipt)
{
        Receipts *receipts = receipt->receipts;
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_method_call(receipts->bus, &m, receipt->reader->name, "/",
                                           PEER_INTERFACE, "Ping");
        if (r < 0)
                return r;

        r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;

        /* No time-out of sd-bus: it would forget the call while the bus still counts it. */
        r = sd_bus_call_async(receipts->bus, &receipt->ping, m, on_ping, receipt, UINT64_MAX);
        return r < 0 ? r : 0;
}

/* 0, OUTGOING_E_TOO_MANY or a negative errno. */
static int ping(Receipt *receipt)
{
        Outgoing *outgoing = receipt->receipts->outgoing;
        int r;

        r = outgoing_begin(outgoing, OUTGOING_RECEIPT, receipt->reader->uid);
        if (r != 0)
                return r;

        receipt->ping_mark = receipt->reader->sent;
        r = start_ping(receipt);
        if (r < 0)
                outgoing_end(outgoing, OUTGOING_RECEIPT, receipt->reader->uid);
        return r;
}

static int read_queued(sd_bus_message *m, LedgerMark *ret_left)
{
        bool has_bytes = false;
        const char *name;
        uint32_t number;
        int r;

        *ret_left = (LedgerMark){};
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', (void *) &name);
                if (r < 0)
                        return r;

                if (strcmp(name, "OutgoingBytes") != 0 && strcmp(name, "OutgoingFDs") != 0) {
                        r = sd_bus_message_skip(m, "v");
                } else {
                        r = sd_bus_message_read(m, "v", "u", &number);
                        if (strcmp(name, "OutgoingBytes") == 0) {
                                ret_left->n_bytes = number;
                                has_bytes = true;
                        } else
                                ret_left->n_descriptors = number;
                }
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : has_bytes ? 0 : -ENODATA;
}

/* A connection that leaves meanwhile is an error, too, and says nothing about the bus. */
static bool is_refusal(const sd_bus_error *error)
{
        return !sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) &&
               !sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY);
}

/* A call that is entered may be freed by it, and may park another one. */
static void enter_parked(Receipt *receipt)
{
        guint n = receipt->parked.length;

        for (; n > 0 && receipt->parked.head; n--) {
                Call *call = receipt->parked.head->data;

                receipts_unpark(call);
                call->has_looked = true;
                call_enter(call);
        }
}

static int on_look(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Receipt *receipt = userdata;
        Receipts *receipts = receipt->receipts;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        LedgerMark left;

        receipt->look = sd_bus_slot_unref(receipt->look);
        if (!error && read_queued(m, &left) >= 0)
                confirm(receipt, receipt->look_mark, left);
        else if (!receipts->is_blind && (!error || is_refusal(error))) {
                receipts->is_blind = true;
                log_info("The bus does not tell what it has queued: %s",
                         error ? error->message : "GetConnectionStats is not understood");
                receipts_ask(receipts, receipt->reader);
        }

        if (receipt->is_to_look_again) {
                receipt->is_to_look_again = false;
                if (!receipts->is_blind && look(receipt) == 0)
                        return 0;
        }
        enter_parked(receipt);
        return 0;
}

static int look(Receipt *receipt)
{
        int r;

        if (receipt->look)
                return 0;

        receipt->look_mark = receipt->reader->sent;
        r = sd_bus_call_method_async(receipt->receipts->bus, &receipt->look, DBUS_NAME, DBUS_PATH,
                                     STATS_INTERFACE, "GetConnectionStats", on_look, receipt, "s",
                                     receipt->reader->name);
        return r < 0 ? r : 0;
}

static Receipt *receipt_of(Receipts *receipts, Reader *reader)
{
        Receipt *receipt = reader->receipt;

        if (receipt)
                return receipt;

        receipt = g_new(Receipt, 1);
        *receipt = (Receipt){ .receipts = receipts, .reader = reader };
        receipt->in_waiting.data = receipt;
        reader->receipt = receipt;
        return receipt;
}

static void wait_for_turn(Receipt *receipt)
{
        if (receipt->is_waiting)
                return;
        receipt->is_waiting = true;
        g_queue_push_tail_link(&receipt->receipts->waiting, &receipt->in_waiting);
}

void receipts_ask(Receipts *receipts, Reader *reader)
{
        Receipt *receipt = receipt_of(receipts, reader);
        int r = 0;

        reader_note_asked(reader);
        if (!receipt->ping && !receipt->is_waiting) {
                r = ping(receipt);
                if (r == 0)
                        return;
        }

        if (r == OUTGOING_E_TOO_MANY && receipts->is_blind)
                wait_for_turn(receipt);
        if (r >= 0 && !receipts->is_blind)
                r = look(receipt);
        if (r < 0)
                log_warning("Cannot ask %s for a receipt: %s", reader->name, g_strerror(-r));
}

static void ask_next(Receipts *receipts)
{
        while (receipts->waiting.head &&
               outgoing_count(receipts->outgoing, OUTGOING_RECEIPT) < receipts->limits->receipts) {
                Receipt *receipt = receipts->waiting.head->data;

                stop_waiting(receipt);
                receipts_ask(receipts, receipt->reader);
        }
}

void receipts_forget(Reader *reader)
{
        Receipt *receipt = reader->receipt;
        Receipts *receipts;

        if (!receipt)
                return;

        receipts = receipt->receipts;
        while (receipt->parked.head)
                receipts_unpark(receipt->parked.head->data);
        stop_waiting(receipt);
        end_ping(receipt);
        sd_bus_slot_unref(receipt->look);
        g_free(receipt);
        reader->receipt = NULL;
        ask_next(receipts);
}

void receipts_look(Receipts *receipts, Reader *reader)
{
        if (!receipts->is_blind)
                (void) look(receipt_of(receipts, reader));
}

bool receipts_park(Receipts *receipts, Reader *reader, Call *call)
{
        Receipt *receipt = receipt_of(receipts, reader);

        receipt->is_to_look_again |= receipt->look != NULL;
        if (receipts->is_blind || look(receipt) < 0)
                return false;

        call->receipt = receipt;
        g_queue_push_tail_link(&receipt->parked, &call->in_receipt);
        return true;
}

void receipts_unpark(Call *call)
{
        if (!call->receipt)
                return;
        g_queue_unlink(&call->receipt->parked, &call->in_receipt);
        call->receipt = NULL;
}

unsigned int receipts_count(const Reader *reader)
{
        const Receipt *receipt = reader->receipt;

        return receipt && receipt->ping ? 1 : 0;
}
