/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Oracle
 *
 * A position is a place in the history: 0 before the first commit, n after the n-th.
 *
 * Commits are read from what was written to the journals. One whose runtime half was written and
 * whose persistent half never was, for the process was killed in between, does not count. Of one in
 * a batch whose sync failed it is open what becomes of it: it is in the history if a later start
 * found it, and taken out of it when the service goes on with another journal.
 */

#include "oracle.h"

#include "store/commit-codec.h"
#include "store/record.h"

#include <string.h>

typedef struct Written {
        uint64_t revision;
        Commit *parts[2];       /* by CommitPart */
        uint64_t pair_revision; /* of the runtime part */
        guint start;            /* the number of the process */
        guint written_at;
        TraceNode file; /* of the persistent part */
        bool is_dead;
        guint dropped_by; /* the index of the commit that came instead of it; G_MAXUINT: none */
} Written;

typedef struct Position {
        guint written_at; /* the event of its commit */
        uint64_t revision;
        uint64_t digest;
        uint64_t persistent_digest;
} Position;

/* From @event on nothing before @position will do. */
typedef struct Demand {
        guint event;
        guint position;
        uint64_t revision;
} Demand;

struct Oracle {
        ClientLog *log;
        GPtrArray *written;      /* Written, by revision within a start */
        GArray *positions;       /* Position */
        GArray *demands;         /* Demand, by event */
        GHashTable *position_of; /* Written -> position after it */
};

static void written_free(gpointer userdata)
{
        Written *written = userdata;

        commit_free(written->parts[0]);
        commit_free(written->parts[1]);
        g_free(written);
}

static void complain(GPtrArray *complaints, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void complain(GPtrArray *complaints, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_ptr_array_add(complaints, g_strdup_vprintf(format, arguments));
        va_end(arguments);
}

/* Reading what was written */

typedef struct Reader {
        Oracle *oracle;
        GPtrArray *complaints;
        guint start;
        guint first; /* index of the first commit of this start */
} Reader;

static Written *find_written(Reader *reader, uint64_t revision)
{
        GPtrArray *all = reader->oracle->written;
        Written *written;
        guint i = all->len;

        while (i > reader->first && ((Written *) all->pdata[i - 1])->revision >= revision)
                i--;
        if (i < all->len && ((Written *) all->pdata[i])->revision == revision)
                return all->pdata[i];

        written = g_new0(Written, 1);
        written->revision = revision;
        written->start = reader->start;
        written->dropped_by = G_MAXUINT;
        g_ptr_array_insert(all, (gint) i, written);
        return written;
}

/* Whether an earlier process wrote it, and this one writes it once more, as recovery does. */
static bool is_known(const Reader *reader, uint64_t revision, CommitPart part)
{
        for (guint i = 0; i < reader->first; i++) {
                const Written *written = reader->oracle->written->pdata[i];

                if (written->revision == revision && written->parts[part] && !written->is_dead)
                        return true;
        }
        return false;
}

static void read_commit(Reader *reader,
                        const TraceEvent *event,
                        guint i,
                        const RecordHeader *header)
{
        bool is_paired = header->flags & RECORD_PAIRED;
        const uint8_t *payload = (const uint8_t *) (header + 1);
        CommitPart part;
        g_autoptr(Commit) commit = NULL;
        Written *written;

        if (commit_codec_get(&commit, payload, header->payload_bytes, is_paired, header->revision,
                             header->time_usec) != 0) {
                complain(reader->complaints, "event %u: a commit was written that cannot be read",
                         i);
                return;
        }
        part = commit_codec_has_part(commit, COMMIT_PERSISTENT) ? COMMIT_PERSISTENT
                                                                : COMMIT_RUNTIME;
        if (is_known(reader, header->revision, part))
                return;

        written = find_written(reader, header->revision);
        if (written->parts[part]) {
                complain(reader->complaints,
                         "event %u: revision %" G_GUINT64_FORMAT " was written twice", i,
                         header->revision);
                return;
        }
        written->parts[part] = g_steal_pointer(&commit);
        written->written_at = i;
        if (part == COMMIT_PERSISTENT)
                written->file = event->node;
        if (is_paired)
                written->pair_revision = commit_codec_pair_revision(payload, header->payload_bytes);
}

/* The records of one write to a journal, if it is that. */
static void read_write(Reader *reader, const TraceEvent *event, guint i)
{
        const uint8_t *bytes = trace_payload(event);
        size_t at = 0;

        while (event->payload_bytes - at >= FORMAT_RECORD_OVERHEAD) {
                const RecordHeader *header = (const RecordHeader *) (const void *) (bytes + at);

                if (header->magic != FORMAT_RECORD_MAGIC ||
                    header->length < FORMAT_RECORD_OVERHEAD ||
                    header->length > event->payload_bytes - at)
                        return;
                if (header->kind == RECORD_COMMIT)
                        read_commit(reader, event, i, header);
                at += header->length;
        }
}

/* What the end of a process has left by half. */
static void end_start(Reader *reader)
{
        GPtrArray *all = reader->oracle->written;
        uint64_t reached = 0;
        bool is_dead = false;

        for (guint i = reader->first; i < all->len; i++) {
                const Written *written = all->pdata[i];

                if (written->parts[COMMIT_PERSISTENT])
                        reached = written->revision;
        }
        for (guint i = reader->first; i < all->len; i++) {
                Written *written = all->pdata[i];

                is_dead |= written->pair_revision > reached;
                written->is_dead = is_dead;
        }
        reader->first = all->len;
        reader->start++;
}

/* Everything from the first that was not synced on is open, until another journal takes over. */
static void fail_sync(Reader *reader, const TraceEvent *event, guint ok_until)
{
        GPtrArray *all = reader->oracle->written;
        bool is_open = false;

        for (guint i = reader->first; i < all->len; i++) {
                Written *written = all->pdata[i];

                is_open |= written->parts[COMMIT_PERSISTENT] && written->written_at > ok_until &&
                           memcmp(&written->file, &event->node, sizeof written->file) == 0;
                if (is_open)
                        written->dropped_by = all->len;
        }
}

/* The first commit after a sync that failed that went to another journal; or NULL. */
static const Written *find_instead(const Oracle *oracle, const Written *open)
{
        for (guint i = open->dropped_by; i < oracle->written->len; i++) {
                const Written *written = oracle->written->pdata[i];

                if (written->start == open->start && written->parts[COMMIT_PERSISTENT])
                        return memcmp(&written->file, &open->file, sizeof open->file) != 0 ? written
                                                                                           : NULL;
        }
        return NULL;
}

/* One that nothing has come instead of is for the next start to find. */
static void drop(Oracle *oracle)
{
        for (guint i = 0; i < oracle->written->len; i++) {
                Written *written = oracle->written->pdata[i];

                if (written->dropped_by != G_MAXUINT && !find_instead(oracle, written))
                        written->dropped_by = G_MAXUINT;
        }
}

static void read_trace(Oracle *oracle, const Trace *trace, GPtrArray *complaints)
{
        Reader reader = { .oracle = oracle, .complaints = complaints };
        g_autoptr(GHashTable) syncs = g_hash_table_new(g_direct_hash, g_direct_equal);
        guint ok_until = 0;

        for (guint i = 0; i < trace->events->len; i++) {
                const TraceEvent *event = trace_event(trace, i);
                gpointer serial = GUINT_TO_POINTER((guint) event->serial);

                if (event->kind == TRACE_START)
                        end_start(&reader);
                else if (event->kind == TRACE_WRITE && event->payload_bytes > 0)
                        read_write(&reader, event, i);
                else if (event->kind == TRACE_SYNC_BEGIN)
                        g_hash_table_insert(syncs, serial, GUINT_TO_POINTER(i));
                else if (event->kind == TRACE_SYNC_END && event->result < 0)
                        fail_sync(&reader, event, ok_until);
                else if (event->kind == TRACE_SYNC_END)
                        ok_until = GPOINTER_TO_UINT(g_hash_table_lookup(syncs, serial));
        }
        end_start(&reader);

        drop(oracle);
}

/* The history */

static uint64_t digest_namespace(const Namespace *ns)
{
        const uint64_t parts[] = {
                disk_hash(ns->name, strlen(ns->name), 2),
                ns->created_revision,
                ns->access.owner,
                ns->access.group,
                ns->access.mode,
                ns->access.quota_keys,
                ns->access.quota_bytes,
        };

        return disk_hash(parts, sizeof parts, 3);
}

static uint64_t digest_entry(const Entry *entry, uint64_t seed)
{
        const uint64_t parts[] = {
                disk_hash(entry_key(entry), entry->key_bytes, seed),
                disk_hash(entry_type(entry), entry->type_bytes, 4),
                disk_hash(entry_value_bytes(entry), entry->value_bytes, 5),
                entry->revision,
                entry->writer_uid,
                entry->class,
        };

        return disk_hash(parts, sizeof parts, 6);
}

static gboolean add_namespace(gpointer unused G_GNUC_UNUSED, gpointer value, gpointer userdata)
{
        const Namespace *ns = value;
        Finding *finding = userdata;
        uint64_t digest = digest_namespace(ns);

        finding->digest += digest;
        finding->persistent_digest += digest;
        for (GTreeNode *node = namespace_first(ns, "", ""); node; node = namespace_next(node, "")) {
                const Entry *entry = namespace_node_entry(node);
                uint64_t of_entry = digest_entry(entry, digest);

                finding->digest += of_entry;
                if (entry_is_persistent(entry))
                        finding->persistent_digest += of_entry;
        }
        return FALSE;
}

void finding_read_state(Finding *finding, State *state)
{
        finding->digest = finding->persistent_digest = 0;
        finding->revision = state_revision(state);
        g_tree_foreach(state_namespaces(state), add_namespace, finding);
}

static void add_position(Oracle *oracle, State *state, guint written_at)
{
        Finding finding = { 0 };
        Position position;

        finding_read_state(&finding, state);
        position = (Position){ written_at, finding.revision, finding.digest,
                               finding.persistent_digest };
        g_array_append_val(oracle->positions, position);
}

static void apply(State *state, const Written *written)
{
        for (size_t part = 0; part < G_N_ELEMENTS(written->parts); part++)
                if (written->parts[part])
                        state_apply(state, written->parts[part]);
}

/* The state without what was dropped up to the @end-th commit. */
static State *state_without_dropped(const Oracle *oracle, guint end)
{
        State *state = state_new();

        for (guint i = 0; i < end; i++) {
                const Written *written = oracle->written->pdata[i];

                if (!written->is_dead && written->dropped_by > end)
                        apply(state, written);
        }
        return state;
}

static void make_positions(Oracle *oracle)
{
        g_autoptr(State) state = state_new();
        bool has_dropped = false;

        add_position(oracle, state, 0);
        for (guint i = 0; i < oracle->written->len; i++) {
                Written *written = oracle->written->pdata[i];

                if (written->is_dead)
                        continue;
                if (has_dropped && written->dropped_by == G_MAXUINT) {
                        g_clear_pointer(&state, state_free);
                        state = state_without_dropped(oracle, i);
                        add_position(oracle, state, written->written_at);
                        has_dropped = false;
                }
                has_dropped |= written->dropped_by != G_MAXUINT;
                apply(state, written);
                add_position(oracle, state, written->written_at);
                g_hash_table_insert(oracle->position_of, written,
                                    GUINT_TO_POINTER(oracle->positions->len - 1));
        }
}

/* Both parts as one. */
static Commit *whole_commit(const Written *written)
{
        Commit *commit = commit_new(written->revision, 0, 0, NULL);

        for (size_t part = 0; part < G_N_ELEMENTS(written->parts); part++) {
                const Commit *half = written->parts[part];

                for (guint i = 0; half && i < half->changes->len; i++) {
                        const NamespaceChange *change = half->changes->pdata[i];
                        NamespaceChange *twin = commit_add(commit, change->kind, change->name);

                        for (guint j = 0; change->entries && j < change->entries->len; j++)
                                g_ptr_array_add(twin->entries,
                                                entry_ref(change->entries->pdata[j]));
                }
        }
        return commit;
}

/* How well a request fits what was written: 0 not at all. */
static unsigned fitness(const Request *request, const Written *written, const Commit *commit)
{
        if (request->is_matched || request->received_at > written->written_at ||
            request->replied_at < written->written_at || !request_asks_for(request, commit))
                return 0;
        if (request->outcome == REQUEST_DONE)
                return request->revision == written->revision ? 4 : request->revision == 0 ? 3 : 0;
        return request->outcome == REQUEST_REFUSED ? 1 : 2;
}

static Request *request_of(const Oracle *oracle, const Written *written)
{
        g_autoptr(Commit) commit = whole_commit(written);
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

static void demand(Oracle *oracle, guint event, guint position, uint64_t revision)
{
        Demand wanted = { event, position, revision };

        g_array_append_val(oracle->demands, wanted);
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
                if (!request) {
                        complain(complaints,
                                 "revision %" G_GUINT64_FORMAT " is of nobody's request, or of one "
                                 "that was answered before it was written",
                                 written->revision);
                        continue;
                }
                request->is_matched = true;
                if (request->outcome == REQUEST_REFUSED)
                        complain(complaints,
                                 "revision %" G_GUINT64_FORMAT " was written and refused: %s",
                                 written->revision, request->text);
                if (request->outcome == REQUEST_DONE)
                        demand(oracle, request->replied_at, position, written->revision);
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
                               request->revision);
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
                             sets(written->parts[1], announcement)))
                                found = written;
                }
                if (!found)
                        complain(complaints, "%s of %s was announced before it was written",
                                 entry_key(announcement->entry), announcement->ns);
                else
                        demand(oracle, announcement->sent_at,
                               GPOINTER_TO_UINT(g_hash_table_lookup(oracle->position_of, found)),
                               found->revision);
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
                wanted->revision = MAX(wanted->revision, before->revision);
        }
}

Oracle *oracle_new(const Trace *trace, GPtrArray *complaints)
{
        Oracle *oracle = g_new(Oracle, 1);

        *oracle = (Oracle){
                .log = client_log_new(trace),
                .written = g_ptr_array_new_with_free_func(written_free),
                .positions = g_array_new(FALSE, FALSE, sizeof(Position)),
                .demands = g_array_new(FALSE, FALSE, sizeof(Demand)),
                .position_of = g_hash_table_new(g_direct_hash, g_direct_equal),
        };
        read_trace(oracle, trace, complaints);
        make_positions(oracle);
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
        if (finding->is_incomplete)
                return g_strdup("what the manifest names is not all there");

        found = find_position(oracle, kind, finding);
        if (found < 0)
                return g_strdup("what is there was never the state");
        if (found < wanted.position)
                return g_strdup_printf("acknowledged up to revision %" G_GUINT64_FORMAT
                                       ", but what is there is of revision %" G_GUINT64_FORMAT,
                                       wanted.revision,
                                       g_array_index(oracle->positions, Position, found).revision);
        return NULL;
}
