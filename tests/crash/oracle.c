/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Oracle
 *
 * A position is a place in the history: 0 before the first commit, with what was given, n after the
 * n-th. When commits were dropped there is one more, with the state without them, and one with what
 * a reboot leaves.
 */

#include "oracle.h"

#include "confirmations.h"
#include "core/restore.h"
#include "given.h"
#include "written.h"

#include <string.h>

typedef struct Position {
        guint written_at; /* the event of its commit */
        uint64_t revision;
        uint64_t digest;
        uint64_t persistent_digest;
} Position;

/* From @event on nothing before @position will do. */
typedef struct Demand {
        guint event;
        guint position;         /* when the process was killed */
        guint durable_position; /* when the power was cut */
        uint64_t revision;
        uint64_t last_good_revision;
} Demand;

struct Oracle {
        Given *given;
        ClientLog *log;
        GPtrArray *written;      /* Written, by revision within a start */
        GArray *positions;       /* Position */
        GArray *demands;         /* Demand, by event */
        GHashTable *position_of; /* Written -> position after it */
};

/* The history */

static void add_position(Oracle *oracle, State *state, guint written_at)
{
        Finding finding = { 0 };
        Position position;

        finding_read_state(&finding, state);
        position = (Position){ written_at, finding.revision, finding.digest,
                               finding.persistent_digest };
        g_array_append_val(oracle->positions, position);
}

static void demand(Oracle *oracle, guint event, guint position, uint64_t revision, bool is_promise)
{
        Demand wanted = {
                .event = event,
                .position = position,
                .durable_position = is_promise ? position : 0,
                .revision = revision,
        };

        g_array_append_val(oracle->demands, wanted);
}

static void restore(const Oracle *oracle, State *state, const Written *written);

static void apply(const Oracle *oracle, State *state, const Written *written, guint boot)
{
        if (written_is_restoration(written))
                restore(oracle, state, written);
        else if (written->parts[COMMIT_PERSISTENT])
                state_apply(state, written->parts[COMMIT_PERSISTENT]);
        if (written->parts[COMMIT_RUNTIME] && written->boot == boot)
                state_apply(state, written->parts[COMMIT_RUNTIME]);
}

/* The state before the @end-th commit, in @boot, and without those that it came instead of. */
static State *state_before(const Oracle *oracle, guint end, guint boot)
{
        State *state = given_state(oracle->given, boot == 0);

        for (guint i = 0; i < end; i++) {
                const Written *written = oracle->written->pdata[i];

                if (!written->is_dead && written->dropped_by > end)
                        apply(oracle, state, written, boot);
        }
        return state;
}

/* What it went back to was the state as of that revision, without what was in memory. */
static void restore(const Oracle *oracle, State *state, const Written *written)
{
        const Commit *names = written->parts[COMMIT_PERSISTENT];
        g_autoptr(Commit) commit =
                commit_new(names->revision, names->time_usec, names->writer_uid, NULL);
        g_autoptr(State) source = NULL;
        guint end = 0;

        while (end < oracle->written->len &&
               ((Written *) oracle->written->pdata[end])->revision <= names->source.revision)
                end++;
        source = names->source.revision == oracle->given->last_good_revision
                         ? given_good(oracle->given)
                         : state_before(oracle, end, G_MAXUINT);
        restore_fill(commit, state, source);
        state_apply(state, commit);
}

typedef struct Historian {
        Oracle *oracle;
        const GArray *boots;
        GPtrArray *complaints;
        State *state;
        guint boot;
        bool has_dropped;
} Historian;

/* What a boot has lost is a position of its own, behind which there is no way. */
static void begin_boots(Historian *historian, guint n_before)
{
        Oracle *oracle = historian->oracle;

        while (historian->boot < historian->boots->len) {
                const WrittenBoot *boot =
                        &g_array_index(historian->boots, WrittenBoot, historian->boot);

                if (boot->n_before > n_before)
                        return;
                state_free(historian->state);
                historian->boot++;
                historian->state = state_before(oracle, n_before, historian->boot);
                add_position(oracle, historian->state, boot->event);
                demand(oracle, boot->event, oracle->positions->len - 1, 0, true);
        }
}

static void add_commit(Historian *historian, guint i)
{
        Oracle *oracle = historian->oracle;
        Written *written = oracle->written->pdata[i];

        if (historian->has_dropped && written->dropped_by == G_MAXUINT) {
                state_free(historian->state);
                historian->state = state_before(oracle, i, historian->boot);
                add_position(oracle, historian->state, written->written_at);
                historian->has_dropped = false;
        }
        historian->has_dropped |= written->dropped_by != G_MAXUINT;
        confirmations_check(written, historian->state, historian->complaints);
        apply(oracle, historian->state, written, historian->boot);
        add_position(oracle, historian->state, written->written_at);
        g_hash_table_insert(oracle->position_of, written,
                            GUINT_TO_POINTER(oracle->positions->len - 1));
}

static void make_positions(Oracle *oracle, const Trace *trace, GPtrArray *complaints)
{
        g_autoptr(GArray) boots = written_boots(trace, oracle->written);
        Historian historian = { .oracle = oracle, .boots = boots, .complaints = complaints };

        historian.state = given_state(oracle->given, true);
        add_position(oracle, historian.state, 0);
        for (guint i = 0; i < oracle->written->len; i++) {
                begin_boots(&historian, i);
                if (!((Written *) oracle->written->pdata[i])->is_dead)
                        add_commit(&historian, i);
        }
        begin_boots(&historian, oracle->written->len);
        state_free(historian.state);
}

/* How well a request fits what was written: 0 not at all. */
static unsigned fitness(const Request *request, const Written *written, const Commit *commit)
{
        if (request->is_matched || request->received_at > written->written_at ||
            request->replied_at < written->written_at)
                return 0;
        if (request->settlement != written_settlement(written))
                return 0;
        if (request->settlement == COMMIT_SETTLES_NOTHING &&
            (written_is_restoration(written) ? !request->is_restoration
                                             : !request_asks_for(request, commit)))
                return 0;
        if (request->outcome == REQUEST_DONE)
                return request->revision == written->revision ? 4 : request->revision == 0 ? 3 : 0;
        return request->outcome == REQUEST_REFUSED ? 1 : 2;
}

static Request *request_of(const Oracle *oracle, const Written *written)
{
        g_autoptr(Commit) commit = written_commit(written);
        Request *best = NULL;
        unsigned best_fitness = 0;

        for (guint i = 0; i < oracle->log->requests->len; i++) {
                Request *request = oracle->log->requests->pdata[i];
                unsigned fits = fitness(request, written, commit);

                if (fits > best_fitness) {
                        best_fitness = fits;
                        best = request;
                }
        }
        return best;
}

/* Whether it is what a connection left behind, and regentd deleted on its own. */
static bool ends_session(const Written *written)
{
        const Commit *commit = written->parts[COMMIT_RUNTIME];

        if (written->parts[COMMIT_PERSISTENT] || !commit_only_deletes(commit))
                return false;
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                for (guint j = 0; j < change->entries->len; j++)
                        if (((const Entry *) change->entries->pdata[j])->class != ENTRY_SESSION)
                                return false;
        }
        return true;
}

static void match_requests(Oracle *oracle, GPtrArray *complaints)
{
        for (guint i = 0; i < oracle->written->len; i++) {
                Written *written = oracle->written->pdata[i];
                Request *request = written->is_dead ? NULL : request_of(oracle, written);
                guint position =
                        GPOINTER_TO_UINT(g_hash_table_lookup(oracle->position_of, written));

                if (written->is_dead)
                        continue;
                /* The time of a change is up without anybody asking for it. */
                if (!request && written_settlement(written) == COMMIT_UNDOES)
                        continue;
                if (!request && ends_session(written))
                        continue;
                if (!request) {
                        complain(complaints,
                                 "revision %" G_GUINT64_FORMAT " is of nobody's request, or of one "
                                 "that was answered before it was written",
                                 written->revision);
                        continue;
                }
                request->is_matched = true;
                written->is_promise = request->is_promise && written->parts[COMMIT_PERSISTENT];
                if (request->outcome == REQUEST_REFUSED)
                        complain(complaints,
                                 "revision %" G_GUINT64_FORMAT " was written and refused: %s",
                                 written->revision, request->text);
                if (request->outcome == REQUEST_DONE)
                        demand(oracle, request->replied_at, position, written->revision,
                               written->is_promise);
        }
}

/* The last position at @event that is of @revision or before it. */
static guint position_of_revision(const Oracle *oracle, uint64_t revision, guint event)
{
        guint found = 0;

        for (guint i = 0; i < oracle->positions->len; i++) {
                const Position *position = &g_array_index(oracle->positions, Position, i);

                if (position->revision <= revision && position->written_at < event)
                        found = i;
        }
        return found;
}

/* Whoever has seen a revision, in any answer, must see no less later. */
static void demand_what_was_told(Oracle *oracle, GPtrArray *complaints)
{
        for (guint i = 0; i < oracle->log->requests->len; i++) {
                const Request *request = oracle->log->requests->pdata[i];

                if (request->outcome == REQUEST_DONE && request->must_change &&
                    !request->is_matched)
                        complain(complaints, "acknowledged and never written: %s", request->text);
                if (request->outcome == REQUEST_DONE && request->revision > 0)
                        demand(oracle, request->replied_at,
                               position_of_revision(oracle, request->revision, request->replied_at),
                               request->revision, request->is_promise && !request->is_matched);
                if (request->outcome == REQUEST_DONE && request->is_mark)
                        g_array_index(oracle->demands, Demand, oracle->demands->len - 1)
                                .last_good_revision = request->revision;
        }
}

static bool sets(const Commit *commit, const Announcement *announcement)
{
        for (guint i = 0; commit && i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                if (strcmp(change->name, announcement->ns) != 0)
                        continue;
                for (guint j = 0; change->entries && j < change->entries->len; j++) {
                        const Entry *entry = change->entries->pdata[j];

                        if (!entry_is_tombstone(entry) &&
                            strcmp(entry_key(entry), entry_key(announcement->entry)) == 0 &&
                            entry_value_equal(entry, announcement->entry))
                                return true;
                }
        }
        return false;
}

static void demand_what_was_announced(Oracle *oracle, GPtrArray *complaints)
{
        for (guint i = 0; i < oracle->log->announcements->len; i++) {
                const Announcement *announcement = oracle->log->announcements->pdata[i];
                const Written *found = NULL;

                for (guint j = 0; j < oracle->written->len; j++) {
                        const Written *written = oracle->written->pdata[j];

                        if (!written->is_dead && written->written_at < announcement->sent_at &&
                            (sets(written->parts[0], announcement) ||
                             sets(written->parts[1], announcement) ||
                             (written_is_restoration(written) &&
                              given_good_has(oracle->given, announcement->ns,
                                             announcement->entry))))
                                found = written;
                }
                if (!found)
                        complain(complaints, "%s of %s was announced before it was written",
                                 entry_key(announcement->entry), announcement->ns);
                else
                        demand(oracle, announcement->sent_at,
                               GPOINTER_TO_UINT(g_hash_table_lookup(oracle->position_of, found)),
                               found->revision, found->is_promise);
        }
}

static gint compare_demands(gconstpointer a, gconstpointer b)
{
        const Demand *first = a, *second = b;

        return first->event < second->event ? -1 : first->event > second->event;
}

/* Each demand includes all before it. */
static void accumulate_demands(Oracle *oracle)
{
        g_array_sort(oracle->demands, compare_demands);
        for (guint i = 1; i < oracle->demands->len; i++) {
                const Demand *before = &g_array_index(oracle->demands, Demand, i - 1);
                Demand *wanted = &g_array_index(oracle->demands, Demand, i);

                wanted->position = MAX(wanted->position, before->position);
                wanted->durable_position = MAX(wanted->durable_position, before->durable_position);
                wanted->revision = MAX(wanted->revision, before->revision);
                wanted->last_good_revision =
                        MAX(wanted->last_good_revision, before->last_good_revision);
        }
}

Oracle *oracle_new(const Trace *trace, bool is_lazy, GPtrArray *complaints)
{
        Oracle *oracle = g_new(Oracle, 1);
        Given *given = given_read(trace);

        *oracle = (Oracle){
                .given = given,
                .log = client_log_new(trace, is_lazy),
                .positions = g_array_new(FALSE, FALSE, sizeof(Position)),
                .demands = g_array_new(FALSE, FALSE, sizeof(Demand)),
                .position_of = g_hash_table_new(g_direct_hash, g_direct_equal),
        };
        demand(oracle, 0, 0, 0, true);
        g_array_index(oracle->demands, Demand, 0).last_good_revision = given->last_good_revision;
        oracle->written = written_read(trace, oracle->log, given->revision, complaints);
        make_positions(oracle, trace, complaints);
        match_requests(oracle, complaints);
        demand_what_was_told(oracle, complaints);
        demand_what_was_announced(oracle, complaints);
        accumulate_demands(oracle);
        return oracle;
}

Oracle *oracle_free(Oracle *oracle)
{
        if (!oracle)
                return NULL;

        g_hash_table_unref(oracle->position_of);
        g_array_unref(oracle->demands);
        g_array_unref(oracle->positions);
        g_ptr_array_unref(oracle->written);
        client_log_free(oracle->log);
        given_free(oracle->given);
        g_free(oracle);
        return NULL;
}

guint oracle_n_commits(const Oracle *oracle)
{
        return oracle->written->len;
}

guint oracle_n_requests(const Oracle *oracle)
{
        return oracle->log->requests->len;
}

/* Judging */

static Demand demand_at(const Oracle *oracle, guint event)
{
        Demand wanted = { 0 };
        guint from = 0, to = oracle->demands->len;

        while (from < to) {
                guint middle = from + (to - from) / 2;

                if (g_array_index(oracle->demands, Demand, middle).event < event)
                        from = middle + 1;
                else
                        to = middle;
        }
        if (from > 0)
                wanted = g_array_index(oracle->demands, Demand, from - 1);
        return wanted;
}

/* The last position that fits, or -1. */
static gint64 find_position(const Oracle *oracle, CrashKind kind, const Finding *finding)
{
        for (guint i = oracle->positions->len; i > 0; i--) {
                const Position *position = &g_array_index(oracle->positions, Position, i - 1);

                if (kind == CRASH_PROCESS
                            ? position->digest == finding->digest
                            : position->persistent_digest == finding->persistent_digest)
                        return i - 1;
        }
        return -1;
}

char *oracle_judge(const Oracle *oracle, guint event, CrashKind kind, const Finding *finding)
{
        Demand wanted = demand_at(oracle, event);
        guint position = kind == CRASH_POWER ? wanted.durable_position : wanted.position;
        gint64 found;

        if (finding->result != 0)
                return g_strdup_printf("it does not start: %s", g_strerror(-finding->result));
        if (finding->state != SERVICE_RUNNING || finding->loaded_from == LOADED_FROM_PREFIX ||
            finding->loaded_from == LOADED_FROM_PREVIOUS_CHECKPOINT)
                return g_strdup_printf("a crash is taken for damage: it is %s, loaded from %s",
                                       service_state_name(finding->state),
                                       loaded_from_name(finding->loaded_from));
        if (finding->revision < wanted.revision)
                return g_strdup_printf("revision %" G_GUINT64_FORMAT " was told, and now it is "
                                       "%" G_GUINT64_FORMAT,
                                       wanted.revision, finding->revision);
        if (finding->last_good_revision < wanted.last_good_revision)
                return g_strdup("what was marked good is not there");
        if (finding->is_incomplete)
                return g_strdup("what the manifest names is not all there");

        found = find_position(oracle, kind, finding);
        if (found < 0)
                return g_strdup("what is there was never the state");
        if (found < position)
                return g_strdup_printf(
                        "acknowledged up to revision %" G_GUINT64_FORMAT
                        ", but what is there is of revision %" G_GUINT64_FORMAT,
                        g_array_index(oracle->positions, Position, position).revision,
                        g_array_index(oracle->positions, Position, found).revision);
        return NULL;
}
