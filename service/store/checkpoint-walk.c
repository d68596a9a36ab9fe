/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint walk
 *
 * The file is the state at one revision, R, though the state goes on while it is walked:
 *
 *     entries newer than R              are passed over
 *     an entry of R or before that is   is put aside before it goes (the observer), and written
 *     replaced ahead of the walk        from there; behind the walk it has been written already
 *     a namespace removed meanwhile     is still held, with its entries, and walked
 *     access and revision of one        were copied when the walk began
 *     what waits for a confirmation     was referenced when the walk began
 *     tombstones of R or before         are as they are when the walk comes to them, after the entries:
 *                                       one that is gone by then went with a key that was set again,
 *                                       which the journal says, or moved its namespace's floor
 *
 * Between two slices the walk keeps the last entry it passed, and finds its way by that entry's place:
 * nodes of the trees do not outlive a change, and an entry may be put upon another meanwhile.
 */

#include "store/checkpoint-walk.h"

#include "core/namespace-places.h"

#include <string.h>

#define RECORD_BYTES  ((size_t) 252 << 10) /* four of them are read at once */
#define RECORD_ROOM   (RECORD_BYTES + ((size_t) 8 << 10))
#define CLOCK_ENTRIES 32u
#define CACHE_LINE    64

typedef struct Aside {
        Namespace *ns;
        Entry *entry;
} Aside;

struct CheckpointWalk {
        State *state;
        CommitPart part;
        uint64_t revision;
        GArray *namespaces; /* NamespaceSnapshot, in the order of names */
        guint n_named;      /* of them are written as names */
        guint at;           /* the one being walked */
        Entry *passed;      /* the last one there; NULL: none yet */
        GArray *aside;
        guint n_aside_written;
        guint at_tombstones; /* the namespace whose tombstones are walked */
        char *passed_key;    /* the last one there; NULL: none yet */
        GPtrArray *pending;  /* owned PendingChange */
        guint n_pending_written;
        CheckpointCounts counts;
        int64_t deadline;
};

static void snapshot_clear(gpointer userdata)
{
        NamespaceSnapshot *snapshot = userdata;

        namespace_unref(snapshot->ns);
}

static void aside_clear(gpointer userdata)
{
        Aside *aside = userdata;

        namespace_unref(aside->ns);
        entry_unref(aside->entry);
}

static gboolean add_snapshot(gpointer name G_GNUC_UNUSED, gpointer value, gpointer userdata)
{
        CheckpointWalk *walk = userdata;
        Namespace *ns = value;
        NamespaceSnapshot snapshot = {
                .ns = namespace_ref(ns),
                .access = ns->access,
                .created_revision = ns->created_revision,
                .revision = ns->revision,
        };

        g_array_append_val(walk->namespaces, snapshot);
        return FALSE;
}

static Namespace *namespace_at(const CheckpointWalk *walk, guint i)
{
        return g_array_index(walk->namespaces, NamespaceSnapshot, i).ns;
}

static bool has_passed(const CheckpointWalk *walk, const Namespace *ns, const Entry *entry)
{
        const Namespace *current;

        if (walk->at == walk->namespaces->len)
                return true;

        current = namespace_at(walk, walk->at);
        if (ns != current)
                return strcmp(ns->name, current->name) < 0;
        return walk->passed && namespace_places_compare(ns, entry, walk->passed) <= 0;
}

static bool belongs(const CheckpointWalk *walk, const Entry *entry)
{
        return entry->revision <= walk->revision &&
               entry_is_persistent(entry) == (walk->part == COMMIT_PERSISTENT);
}

static void on_replace(void *userdata, Namespace *ns, Entry *entry)
{
        CheckpointWalk *walk = userdata;

        if (belongs(walk, entry) && !has_passed(walk, ns, entry)) {
                Aside aside = { namespace_ref(ns), entry_ref(entry) };

                g_array_append_val(walk->aside, aside);
        }
}

static void pending_destroy(gpointer change)
{
        pending_change_unref(change);
}

static void add_pending(CheckpointWalk *walk)
{
        const GPtrArray *all = pending_changes_all(state_pending(walk->state));

        for (guint i = 0; i < all->len; i++)
                g_ptr_array_add(walk->pending, pending_change_ref(all->pdata[i]));
}

CheckpointWalk *checkpoint_walk_new(State *state, CommitPart part, uint64_t revision)
{
        CheckpointWalk *walk = g_new(CheckpointWalk, 1);

        *walk = (CheckpointWalk){
                .state = state,
                .part = part,
                .revision = revision,
                .namespaces = g_array_new(FALSE, FALSE, sizeof(NamespaceSnapshot)),
                .aside = g_array_new(FALSE, FALSE, sizeof(Aside)),
        };
        g_array_set_clear_func(walk->namespaces, snapshot_clear);
        g_array_set_clear_func(walk->aside, aside_clear);
        g_tree_foreach(state_namespaces(state), add_snapshot, walk);

        walk->pending = g_ptr_array_new_with_free_func(pending_destroy);
        if (part == COMMIT_PERSISTENT)
                add_pending(walk);

        /* Runtime entries name namespaces that the persistent side holds. */
        if (part == COMMIT_RUNTIME)
                walk->n_named = walk->namespaces->len;
        state_add_observer(state, on_replace, walk);
        return walk;
}

CheckpointWalk *checkpoint_walk_free(CheckpointWalk *walk)
{
        if (!walk)
                return NULL;

        state_remove_observer(walk->state, on_replace, walk);
        entry_unref(walk->passed);
        g_free(walk->passed_key);
        g_array_unref(walk->aside);
        g_array_unref(walk->namespaces);
        g_ptr_array_unref(walk->pending);
        g_free(walk);
        return NULL;
}

void checkpoint_walk_leave_out_tombstones(CheckpointWalk *walk)
{
        walk->at_tombstones = walk->namespaces->len;
}

uint64_t checkpoint_walk_revision(const CheckpointWalk *walk)
{
        return walk->revision;
}

CheckpointCounts checkpoint_walk_counts(const CheckpointWalk *walk)
{
        return walk->counts;
}

static bool is_time(const CheckpointWalk *walk, const CodecBuffer *record, unsigned n)
{
        if (record->n_bytes >= RECORD_BYTES)
                return true;
        return n % CLOCK_ENTRIES == 0 && g_get_monotonic_time() >= walk->deadline;
}

static void put_names(CheckpointWalk *walk, CodecBuffer *record)
{
        for (unsigned n = 1; walk->n_named < walk->namespaces->len; n++) {
                checkpoint_codec_put_namespace(
                        record, &g_array_index(walk->namespaces, NamespaceSnapshot, walk->n_named));
                walk->n_named++;
                walk->counts.n_namespaces++;
                if (is_time(walk, record, n))
                        return;
        }
}

static void put_entry(CheckpointWalk *walk,
                      CodecBuffer *record,
                      CheckpointGroup *group,
                      const Namespace *ns,
                      Entry *entry)
{
        checkpoint_codec_put_entry(record, group, ns, entry);
        walk->counts.n_entries++;
}

static bool put_aside(CheckpointWalk *walk, CodecBuffer *record, CheckpointGroup *group)
{
        for (unsigned n = 1; walk->n_aside_written < walk->aside->len; n++) {
                const Aside *aside = &g_array_index(walk->aside, Aside, walk->n_aside_written);

                put_entry(walk, record, group, aside->ns, aside->entry);
                walk->n_aside_written++;
                if (is_time(walk, record, n))
                        return true;
        }

        g_array_set_size(walk->aside, 0);
        walk->n_aside_written = 0;
        return false;
}

static void pass(CheckpointWalk *walk, Entry *entry)
{
        entry_unref(walk->passed);
        walk->passed = entry ? entry_ref(entry) : NULL;
}

/* The next entries, each somewhere else in memory: all are fetched before the first is looked at. */
static unsigned take_some(NamespacePlaces *places, Entry *entries[CLOCK_ENTRIES])
{
        unsigned n = 0;

        while (n < CLOCK_ENTRIES && (entries[n] = namespace_places_next(places))) {
                __builtin_prefetch(entries[n]);
                __builtin_prefetch((const char *) entries[n] + CACHE_LINE);
                n++;
        }
        return n;
}

/* How many of @entries were passed before the record was full. */
static unsigned put_some(CheckpointWalk *walk,
                         CodecBuffer *record,
                         CheckpointGroup *group,
                         Entry **entries,
                         unsigned n_entries)
{
        for (unsigned i = 0; i < n_entries; i++) {
                if (belongs(walk, entries[i]))
                        put_entry(walk, record, group, namespace_at(walk, walk->at), entries[i]);
                if (record->n_bytes >= RECORD_BYTES)
                        return i + 1;
        }
        return n_entries;
}

/* Whether the time was up before the end of the namespace. */
static bool put_entries(CheckpointWalk *walk, CodecBuffer *record, CheckpointGroup *group)
{
        Entry *entries[CLOCK_ENTRIES];
        NamespacePlaces places;
        unsigned n;

        namespace_places_begin(&places, namespace_at(walk, walk->at), walk->passed);
        while ((n = take_some(&places, entries)) > 0) {
                unsigned n_passed = put_some(walk, record, group, entries, n);

                if (n_passed < n || is_time(walk, record, n)) {
                        pass(walk, entries[n_passed - 1]);
                        return true;
                }
        }

        return false;
}

static void put_namespaces_entries(CheckpointWalk *walk, CodecBuffer *record)
{
        CheckpointGroup group = { 0 };

        if (put_aside(walk, record, &group))
                return;

        for (unsigned n = 1; walk->at < walk->namespaces->len; n++) {
                if (put_entries(walk, record, &group))
                        return;
                pass(walk, NULL);
                walk->at++;
                if (is_time(walk, record, n))
                        return;
        }
}

/* Whether the time was up before the end of the namespace. */
static bool put_tombstones_of(CheckpointWalk *walk, CodecBuffer *record, const Namespace *ns)
{
        const TombstoneList *list = &ns->tombstones;
        GTreeNode *node = NULL;
        CheckpointGroup group;

        if (!list->oldest && list->floor == 0)
                return false;

        checkpoint_codec_begin_tombstones(record, &group, ns, MIN(list->floor, walk->revision));
        if (list->by_key)
                node = walk->passed_key ? g_tree_upper_bound(list->by_key, walk->passed_key)
                                        : g_tree_node_first(list->by_key);
        for (unsigned n = 1; node; node = g_tree_node_next(node), n++) {
                const Tombstone *tombstone = g_tree_node_value(node);

                if (tombstone->revision <= walk->revision &&
                    tombstone->is_persistent == (walk->part == COMMIT_PERSISTENT))
                        checkpoint_codec_put_tombstone(record, &group, tombstone);
                if (is_time(walk, record, n)) {
                        g_free(walk->passed_key);
                        walk->passed_key = g_strdup(tombstone->key);
                        return true;
                }
        }
        return false;
}

static void put_tombstones(CheckpointWalk *walk, CodecBuffer *record)
{
        for (unsigned n = 1; walk->at_tombstones < walk->namespaces->len; n++) {
                if (put_tombstones_of(walk, record, namespace_at(walk, walk->at_tombstones)))
                        return;
                g_clear_pointer(&walk->passed_key, g_free);
                walk->at_tombstones++;
                if (is_time(walk, record, n))
                        return;
        }
}

/* A record each, for none of them is larger than a commit. */
static void put_pending(CheckpointWalk *walk, CodecBuffer *record)
{
        checkpoint_codec_put_pending(record, walk->pending->pdata[walk->n_pending_written]);
        walk->n_pending_written++;
}

static bool has_walked_entries(const CheckpointWalk *walk)
{
        return walk->n_named == walk->namespaces->len && walk->at == walk->namespaces->len &&
               walk->n_aside_written == walk->aside->len;
}

int checkpoint_walk_step(CheckpointWalk *walk,
                         int64_t usec,
                         CodecBuffer *record,
                         RecordKind *ret_kind)
{
        bool has_entries = has_walked_entries(walk);
        bool is_pending = has_entries && walk->at_tombstones == walk->namespaces->len;
        size_t empty;

        if (is_pending && walk->n_pending_written == walk->pending->len)
                return CHECKPOINT_WALK_E_END;

        walk->deadline = g_get_monotonic_time() + usec;
        record->n_bytes = 0;
        codec_reserve(record, RECORD_ROOM);
        record_begin(record);
        checkpoint_codec_begin(record);
        empty = record->n_bytes;

        if (is_pending) {
                *ret_kind = RECORD_WAITING;
                put_pending(walk, record);
                return 0;
        }

        *ret_kind = has_entries                             ? RECORD_TOMBSTONES
                    : walk->n_named < walk->namespaces->len ? RECORD_NAMESPACES
                                                            : RECORD_ENTRIES;
        if (*ret_kind == RECORD_TOMBSTONES)
                put_tombstones(walk, record);
        else if (*ret_kind == RECORD_NAMESPACES)
                put_names(walk, record);
        else
                put_namespaces_entries(walk, record);

        if (record->n_bytes == empty)
                record->n_bytes = 0;
        return 0;
}
