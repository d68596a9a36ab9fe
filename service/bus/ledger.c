/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ledger
 *
 * Every connection is told apart by two marks, what was sent and what is known to be read; between
 * them lies what is unread. The sums of that, for a uid in Accounts and in all here, follow each
 * change of either mark.
 *
 * In all the bounds leave the bus room: 64 MiB, with a quarter of it for refusals, and 36 MiB for
 * broadcasts (bus/broadcast.c) make 116 of the 127 MiB that it takes from one sender.
 */

#include "bus/ledger.h"

/* Under pressure, when half of a shared bound is used up, it is asked after so few bytes. */
#define PRESSED_BYTES (4 * LIMIT_KIB)

struct Ledger {
        const Limits *limits;
        Accounts *accounts;
        GHashTable *by_name; /* unique name (in the Reader) -> owned Reader */
        LedgerMark unread;
        /* Descriptors in flight are counted the same wherever they are: by the bus's ledger, for both. */
        Ledger *of_bus;
        uint64_t n_descriptors;
        GHashTable *holders; /* borrowed Reader */
        bool is_of_channels;
        void (*on_reader_gone)(Reader *reader);
};

static uint64_t connection_bytes_max(const Ledger *ledger)
{
        return ledger->is_of_channels ? ledger->limits->channel_unread_bytes
                                      : ledger->limits->connection_unread_bytes;
}

static uint64_t uid_bytes_max(const Ledger *ledger)
{
        return ledger->is_of_channels ? ledger->limits->uid_channel_unread_bytes
                                      : ledger->limits->uid_unread_bytes;
}

static uint64_t bytes_max(const Ledger *ledger)
{
        return ledger->is_of_channels ? ledger->limits->channels_unread_bytes
                                      : ledger->limits->unread_bytes;
}

static AccountResource bytes_resource(const Ledger *ledger)
{
        return ledger->is_of_channels ? ACCOUNT_CHANNEL_UNREAD_BYTES : ACCOUNT_UNREAD_BYTES;
}

static LedgerMark difference(LedgerMark a, LedgerMark b)
{
        return (LedgerMark){ a.n_bytes - b.n_bytes, a.n_descriptors - b.n_descriptors };
}

static void charge_uid(const Reader *reader, LedgerMark mark)
{
        Accounts *accounts = reader->ledger->accounts;

        if (!reader->is_identified)
                return;
        accounts_charge(accounts, reader->uid, bytes_resource(reader->ledger), mark.n_bytes);
        accounts_charge(accounts, reader->uid, ACCOUNT_UNREAD_DESCRIPTORS, mark.n_descriptors);
}

static void discharge(Reader *reader, LedgerMark mark)
{
        Ledger *ledger = reader->ledger;

        ledger->unread = difference(ledger->unread, mark);
        ledger->of_bus->n_descriptors -= mark.n_descriptors;
        if (!reader->is_identified)
                return;
        accounts_discharge(ledger->accounts, reader->uid, bytes_resource(ledger), mark.n_bytes);
        accounts_discharge(ledger->accounts, reader->uid, ACCOUNT_UNREAD_DESCRIPTORS,
                           mark.n_descriptors);
}

static void reader_free(gpointer userdata)
{
        Reader *reader = userdata;

        reader->ledger->on_reader_gone(reader);
        discharge(reader, reader_unread(reader));
        g_hash_table_remove(reader->ledger->of_bus->holders, reader);
        g_free(reader->name);
        g_free(reader);
}

Ledger *ledger_new(const Limits *limits, Accounts *accounts, void (*on_reader_gone)(Reader *reader))
{
        Ledger *ledger = g_new(Ledger, 1);

        *ledger = (Ledger){
                .limits = limits,
                .accounts = accounts,
                .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, reader_free),
                .of_bus = ledger,
                .holders = g_hash_table_new(NULL, NULL),
                .on_reader_gone = on_reader_gone,
        };
        return ledger;
}

Ledger *ledger_new_of_channels(Ledger *of_bus)
{
        Ledger *ledger = ledger_new(of_bus->limits, of_bus->accounts, of_bus->on_reader_gone);

        ledger->is_of_channels = true;
        ledger->of_bus = of_bus;
        return ledger;
}

bool reader_is_channel(const Reader *reader)
{
        return reader->ledger->is_of_channels;
}

Ledger *ledger_free(Ledger *ledger)
{
        if (!ledger)
                return NULL;

        g_hash_table_unref(ledger->by_name);
        g_hash_table_unref(ledger->holders);
        g_free(ledger);
        return NULL;
}

Reader *ledger_lookup(const Ledger *ledger, const char *name)
{
        return g_hash_table_lookup(ledger->by_name, name);
}

Reader *ledger_get(Ledger *ledger, const char *name)
{
        Reader *reader = ledger_lookup(ledger, name);

        if (reader)
                return reader;

        reader = g_new(Reader, 1);
        *reader = (Reader){ .ledger = ledger, .name = g_strdup(name) };
        g_hash_table_insert(ledger->by_name, reader->name, reader);
        return reader;
}

void ledger_forget(Ledger *ledger, const char *name)
{
        g_hash_table_remove(ledger->by_name, name);
}

LedgerMark ledger_unread(const Ledger *ledger)
{
        return ledger->unread;
}

uint64_t ledger_descriptors(const Ledger *ledger)
{
        return ledger->of_bus->n_descriptors;
}

GHashTable *ledger_holders(const Ledger *ledger)
{
        return ledger->of_bus->holders;
}

GHashTable *ledger_readers(const Ledger *ledger)
{
        return ledger->by_name;
}

void reader_identify(Reader *reader, uint32_t uid)
{
        if (reader->is_identified)
                return;

        reader->is_identified = true;
        reader->uid = uid;
        charge_uid(reader, reader_unread(reader));
}

LedgerMark reader_unread(const Reader *reader)
{
        return difference(reader->sent, reader->read);
}

/* uid 0 has the bounds of a connection alone. */
static bool shares_bounds(const Reader *reader)
{
        return !reader->is_identified || reader->uid != 0;
}

static uint64_t uid_unread(const Reader *reader, AccountResource resource)
{
        return reader->is_identified && reader->uid != 0
                       ? accounts_get(reader->ledger->accounts, reader->uid, resource)
                       : 0;
}

uint64_t reader_uid_unread(const Reader *reader)
{
        return uid_unread(reader, bytes_resource(reader->ledger));
}

static ReaderStanding standing_at(uint64_t used, uint64_t max)
{
        if (used <= max + max / 8)
                return READER_SERVED;
        return used <= max + max / 4 ? READER_REFUSED : READER_UNANSWERED;
}

ReaderStanding reader_standing(const Reader *reader, LedgerBound *ret_bound)
{
        uint64_t unread = reader_unread(reader).n_bytes;
        ReaderStanding standings[] = {
                [LEDGER_BOUND_NONE] = READER_SERVED,
                [LEDGER_BOUND_CONNECTION] =
                        standing_at(unread, connection_bytes_max(reader->ledger)),
                [LEDGER_BOUND_UID] = READER_SERVED,
                [LEDGER_BOUND_ALL] = READER_SERVED,
        };
        LedgerBound bound = LEDGER_BOUND_NONE;

        if (shares_bounds(reader) && unread > LEDGER_RESERVE_BYTES) {
                standings[LEDGER_BOUND_UID] =
                        standing_at(reader_uid_unread(reader), uid_bytes_max(reader->ledger));
                standings[LEDGER_BOUND_ALL] =
                        standing_at(reader->ledger->unread.n_bytes, bytes_max(reader->ledger));
        }

        for (size_t i = 0; i < G_N_ELEMENTS(standings); i++)
                if (standings[i] > standings[bound])
                        bound = (LedgerBound) i;

        if (ret_bound)
                *ret_bound = bound;
        return standings[bound];
}

static void keep_smaller(uint64_t *room,
                         LedgerBound *bound,
                         LedgerBound candidate,
                         uint64_t used,
                         uint64_t max,
                         uint64_t free_below)
{
        uint64_t left = used < max ? max - used : 0;

        if (used < free_below || left >= *room)
                return;
        *room = left;
        *bound = candidate;
}

uint64_t reader_room(const Reader *reader, LedgerBound *ret_bound)
{
        const Limits *limits = reader->ledger->limits;
        LedgerBound bound = LEDGER_BOUND_NONE;
        uint64_t room = UINT64_MAX;

        keep_smaller(&room, &bound, LEDGER_BOUND_CONNECTION, reader_unread(reader).n_bytes,
                     connection_bytes_max(reader->ledger), limits->receipt_bytes);
        if (shares_bounds(reader)) {
                keep_smaller(&room, &bound, LEDGER_BOUND_UID, reader_uid_unread(reader),
                             uid_bytes_max(reader->ledger), limits->receipt_bytes);
                keep_smaller(&room, &bound, LEDGER_BOUND_ALL, reader->ledger->unread.n_bytes,
                             bytes_max(reader->ledger), limits->receipt_bytes);
        }

        if (ret_bound)
                *ret_bound = bound;
        return room;
}

bool reader_may_send_descriptors(const Reader *reader, uint64_t n, LedgerBound *ret_bound)
{
        const Limits *limits = reader->ledger->limits;
        LedgerBound bound = LEDGER_BOUND_NONE;
        uint64_t room = n;

        keep_smaller(&room, &bound, LEDGER_BOUND_CONNECTION, reader_unread(reader).n_descriptors,
                     limits->connection_unread_descriptors, 0);
        if (shares_bounds(reader)) {
                keep_smaller(&room, &bound, LEDGER_BOUND_UID,
                             uid_unread(reader, ACCOUNT_UNREAD_DESCRIPTORS),
                             limits->uid_unread_descriptors, 0);
                keep_smaller(&room, &bound, LEDGER_BOUND_ALL, ledger_descriptors(reader->ledger),
                             limits->unread_descriptors, 0);
        }

        if (ret_bound)
                *ret_bound = bound;
        return room == n;
}

void reader_charge(Reader *reader, uint64_t n_bytes, uint64_t n_descriptors)
{
        Ledger *ledger = reader->ledger;

        reader->sent.n_bytes += n_bytes;
        reader->sent.n_descriptors += n_descriptors;
        ledger->unread.n_bytes += n_bytes;
        ledger->unread.n_descriptors += n_descriptors;
        ledger->of_bus->n_descriptors += n_descriptors;
        if (n_descriptors > 0)
                g_hash_table_add(ledger->of_bus->holders, reader);
        charge_uid(reader, (LedgerMark){ n_bytes, n_descriptors });
}

static bool is_pressed(uint64_t used, uint64_t max)
{
        return used >= max / 2;
}

bool reader_is_due(Reader *reader)
{
        const Limits *limits = reader->ledger->limits;
        LedgerMark since = difference(reader->sent, reader->asked), unread = reader_unread(reader);
        uint64_t threshold = limits->receipt_bytes;

        if (shares_bounds(reader) &&
            (is_pressed(reader_uid_unread(reader), uid_bytes_max(reader->ledger)) ||
             is_pressed(reader->ledger->unread.n_bytes, bytes_max(reader->ledger))))
                threshold = MIN(threshold, PRESSED_BYTES);

        return (since.n_bytes >= threshold && unread.n_bytes >= threshold) ||
               (since.n_descriptors > 0 && unread.n_descriptors > 0);
}

void reader_note_asked(Reader *reader)
{
        reader->asked = reader->sent;
}

/* Each time that another eighth of the bound's second half is used up. */
static bool crosses(uint64_t used, uint64_t n_bytes, uint64_t max)
{
        uint64_t step = MAX(max / 8, 1);

        return is_pressed(used, max) && used / step != (used - n_bytes) / step;
}

bool reader_calls_for_receipts(const Reader *reader, uint64_t n_bytes)
{
        uint64_t of_uid = reader_uid_unread(reader);

        return (of_uid >= n_bytes && crosses(of_uid, n_bytes, uid_bytes_max(reader->ledger))) ||
               crosses(reader->ledger->unread.n_bytes, n_bytes, bytes_max(reader->ledger));
}

bool reader_may_help(const Reader *reader, const Reader *other)
{
        bool is_of_uid = reader->is_identified && other->is_identified && reader->uid == other->uid;

        return reader_unread(other).n_bytes >= PRESSED_BYTES &&
               (is_of_uid || is_pressed(reader->ledger->unread.n_bytes, bytes_max(reader->ledger)));
}

bool reader_may_hold_up(const Reader *reader, const Reader *other, LedgerBound bound)
{
        return bound == LEDGER_BOUND_ALL || other == reader ||
               (bound == LEDGER_BOUND_UID && other->is_identified && other->uid == reader->uid);
}

static uint64_t confirm(uint64_t *read, uint64_t mark, uint64_t left)
{
        uint64_t before = *read;

        if (left < mark && mark - left > before)
                *read = mark - left;
        return *read - before;
}

void reader_confirm(Reader *reader, LedgerMark mark, LedgerMark left)
{
        LedgerMark freed;

        freed.n_bytes = confirm(&reader->read.n_bytes, mark.n_bytes, left.n_bytes);
        freed.n_descriptors =
                confirm(&reader->read.n_descriptors, mark.n_descriptors, left.n_descriptors);
        discharge(reader, freed);
        if (freed.n_descriptors > 0 && reader_unread(reader).n_descriptors == 0)
                g_hash_table_remove(reader->ledger->of_bus->holders, reader);
}
