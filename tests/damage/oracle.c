/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Oracle
 */

#include "oracle.h"

#include "store/format.h"

#include <stdlib.h>
#include <string.h>

/* What a journal is filled with before it is used. */
#define FILLED_BYTES ((gsize) 1 << 20)

#define GOOD "state/last-known-good/"

/* One file that was there: which, and of what revision. */
typedef struct Known {
        const char *path; /* borrowed */
        uint64_t revision;
} Known;

/* How far a chain of journals goes. */
typedef struct Reach {
        uint64_t revision;
        const char *path; /* of the journal where it ends; NULL: it has none */
        gsize offset;     /* there */
        bool is_all;      /* and nothing is missing */
        uint64_t lost;    /* or the first revision that is, in that journal; 0: its header */
} Reach;

typedef struct Query {
        const History *history;
        const Site *damaged;
        const char *side;               /* "state" or "runtime" */
        GArray *checkpoints, *journals; /* Known, in order */
} Query;

static gint compare_known(gconstpointer a, gconstpointer b)
{
        const Known *first = a, *second = b;

        return first->revision < second->revision ? -1 : first->revision > second->revision;
}

static void list_known(const Query *query, const char *kind, GArray *known)
{
        g_autoptr(GPtrArray) paths = site_paths(query->history->site);
        g_autofree char *prefix = g_strdup_printf("%s/%s", query->side, kind);

        for (guint i = 0; i < paths->len; i++) {
                const char *path = paths->pdata[i];

                if (g_str_has_prefix(path, prefix)) {
                        Known one = { path, strtoull(path + strlen(prefix), NULL, 10) };

                        g_array_append_val(known, one);
                }
        }
        g_array_sort(known, compare_known);
}

/* How many bytes both begin with alike. */
static gsize common_bytes(GBytes *one, GBytes *other)
{
        gsize n_one, n_other, n = 0;
        const uint8_t *a = g_bytes_get_data(one, &n_one), *b = g_bytes_get_data(other, &n_other);

        while (n < MIN(n_one, n_other) && a[n] == b[n])
                n++;
        return n;
}

static bool is_zero(GBytes *bytes, gsize from)
{
        gsize n;
        const uint8_t *text = g_bytes_get_data(bytes, &n);

        for (; from < n; from++)
                if (text[from] != 0)
                        return false;
        return true;
}

static RecordHeader header_at(GBytes *bytes, gsize offset)
{
        gsize n;
        const uint8_t *text = g_bytes_get_data(bytes, &n);
        RecordHeader header = { 0 };

        if (offset + sizeof header <= n)
                memcpy(&header, text + offset, sizeof header);
        return header;
}

static bool has_record(GBytes *bytes, gsize offset)
{
        return header_at(bytes, offset).magic == GUINT32_TO_LE(FORMAT_RECORD_MAGIC);
}

/* A restoration is worth as much as the copy it names. */
static bool can_be_replayed(const Query *query, const RecordHeader *header)
{
        g_autoptr(GPtrArray) paths = site_paths(query->history->site);

        if (GUINT16_FROM_LE(header->kind) != RECORD_RESTORE)
                return true;
        for (guint i = 0; i < paths->len; i++)
                if (g_str_has_prefix(paths->pdata[i], GOOD) &&
                    !site_agrees(query->damaged, query->history->site, paths->pdata[i]))
                        return false;
        return true;
}

/* Goes along the records of one journal. */
static void walk_journal(const Query *query, const Known *journal, Reach *reach)
{
        GBytes *was = site_get(query->history->site, journal->path);
        GBytes *is = site_get(query->damaged, journal->path);
        gsize n_common = is ? common_bytes(was, is) : 0;
        gsize offset = sizeof(FileHeader);

        reach->path = journal->path;
        reach->offset = 0;
        if (n_common < offset) {
                reach->is_all = false;
                reach->lost = 0;
                return;
        }

        while (has_record(was, offset)) {
                RecordHeader header = header_at(was, offset);
                gsize end = offset + GUINT32_FROM_LE(header.length);
                uint64_t revision = GUINT64_FROM_LE(header.revision);

                if (end > n_common || !can_be_replayed(query, &header)) {
                        reach->offset = offset;
                        if (GUINT16_FROM_LE(header.kind) == RECORD_MARK)
                                return;
                        reach->is_all = false;
                        reach->lost = revision;
                        return;
                }
                reach->revision = MAX(reach->revision, revision);
                offset = end;
        }
        reach->offset = offset;
}

/* From a checkpoint, or from nothing, along all journals since. */
static Reach reach_from(const Query *query, uint64_t revision)
{
        Reach reach = { .revision = revision, .is_all = true };
        bool is_first = true;

        for (guint i = 0; i < query->journals->len && reach.is_all; i++) {
                const Known *journal = &g_array_index(query->journals, Known, i);

                if (journal->revision < revision)
                        continue;
                /* What came between is not there any more. */
                if (is_first && journal->revision > revision && revision == 0)
                        return (Reach){ 0 };
                is_first = false;
                walk_journal(query, journal, &reach);
        }
        return reach;
}

static bool is_intact(const Query *query, const char *path)
{
        return site_get(query->damaged, path) &&
               site_agrees(query->damaged, query->history->site, path);
}

/* The newest state that there is a way to. */
static Reach find_newest(const Query *query)
{
        Reach best = reach_from(query, 0);

        for (guint i = 0; i < query->checkpoints->len; i++) {
                const Known *checkpoint = &g_array_index(query->checkpoints, Known, i);
                Reach reach;

                if (!is_intact(query, checkpoint->path))
                        continue;
                reach = reach_from(query, checkpoint->revision);
                if (reach.revision > best.revision ||
                    (reach.revision == best.revision && reach.is_all >= best.is_all))
                        best = reach;
        }
        return best;
}

/* What the manifest says of what was committed. */
static uint64_t committed(const Query *query)
{
        g_autofree char *path = g_strdup_printf("%s/MANIFEST", query->side);
        GBytes *bytes = site_get(query->damaged, path);
        const char *found;
        gsize n;

        if (!bytes || !is_intact(query, path))
                return 0;
        found = g_strstr_len(g_bytes_get_data(bytes, &n), (gssize) n, "\nCommitted=");
        return found ? strtoull(found + strlen("\nCommitted="), NULL, 10) : 0;
}

/* Whether a record that is still there says that what is lost was durable. */
static bool has_witness(const Query *query, const Reach *reach)
{
        GBytes *was = site_get(query->history->site, reach->path);
        GBytes *is = site_get(query->damaged, reach->path);
        gsize n_was, n_is, offset = sizeof(FileHeader);
        const uint8_t *a = g_bytes_get_data(was, &n_was), *b = g_bytes_get_data(is, &n_is);

        while (has_record(was, offset)) {
                RecordHeader header = header_at(was, offset);
                gsize length = GUINT32_FROM_LE(header.length);

                if (offset + length <= n_is && memcmp(a + offset, b + offset, length) == 0 &&
                    GUINT64_FROM_LE(header.durable) >= reach->lost)
                        return true;
                offset += length;
        }
        return false;
}

/* Whether all else is as it was, and what is lost cannot be told from what was never synced. */
static bool is_tear(const Query *query, const Reach *reach)
{
        const Known *newest = &g_array_index(query->journals, Known, query->journals->len - 1);
        GBytes *is = reach->path ? site_get(query->damaged, reach->path) : NULL;
        GBytes *was = reach->path ? site_get(query->history->site, reach->path) : NULL;
        g_autofree char *manifest = g_strdup_printf("%s/MANIFEST", query->side);
        RecordHeader header;

        if (!is || reach->path != newest->path || reach->lost == 0 || !is_intact(query, manifest))
                return false;
        if (g_bytes_get_size(is) < MIN(FILLED_BYTES, g_bytes_get_size(was)) &&
            strcmp(query->side, "state") == 0)
                return false;
        /* A record that is there, and only cannot be replayed. */
        header = header_at(was, reach->offset);
        if (common_bytes(was, is) >= reach->offset + GUINT32_FROM_LE(header.length))
                return false;
        return committed(query) < reach->lost && !has_witness(query, reach);
}

static Reach newest_copy(const Query *query)
{
        g_autoptr(GPtrArray) paths = site_paths(query->history->site);
        Reach best = { 0 };

        for (guint i = 0; i < paths->len; i++) {
                const char *path = paths->pdata[i];

                if (g_str_has_prefix(path, GOOD "checkpoint-") && is_intact(query, path))
                        best.revision = MAX(best.revision,
                                            strtoull(path + strlen(GOOD "checkpoint-"), NULL, 10));
        }
        return best;
}

static void query_begin(Query *query, const char *side)
{
        query->side = side;
        query->checkpoints = g_array_new(FALSE, FALSE, sizeof(Known));
        query->journals = g_array_new(FALSE, FALSE, sizeof(Known));
        list_known(query, "checkpoint-", query->checkpoints);
        list_known(query, "journal-", query->journals);
}

static void query_end(Query *query)
{
        g_array_unref(query->checkpoints);
        g_array_unref(query->journals);
}

static bool is_untouched(const Query *query)
{
        g_autoptr(GPtrArray) paths = site_paths(query->history->site);
        g_autoptr(GPtrArray) others = site_paths(query->damaged);

        for (guint i = 0; i < paths->len; i++)
                if (!site_agrees(query->damaged, query->history->site, paths->pdata[i]))
                        return false;
        return others->len == paths->len;
}

static void ask_persistent(Query *query, Prophecy *prophecy)
{
        Reach reach = find_newest(query), copy = newest_copy(query);

        prophecy->revision = reach.revision;
        if (reach.is_all) {
                prophecy->verdict = VERDICT_WHOLE;
        } else if (is_tear(query, &reach)) {
                prophecy->verdict = VERDICT_TORN;
                prophecy->torn_path = reach.path;
                prophecy->is_dirty = !is_zero(site_get(query->damaged, reach.path), reach.offset);
        } else {
                prophecy->verdict = VERDICT_DAMAGED;
                prophecy->is_loss = true;
                prophecy->is_copy = copy.revision > reach.revision;
                prophecy->revision = MAX(reach.revision, copy.revision);
        }
        prophecy->is_exact[COMMIT_PERSISTENT] = true;
}

/* What is left of the runtime side is not told exactly where the other has lost something. */
static void ask_runtime(Query *query, Prophecy *prophecy)
{
        g_autofree char *manifest = g_strdup_printf("%s/MANIFEST", query->side);
        Reach reach = find_newest(query);

        prophecy->runtime_revision = reach.revision;
        prophecy->is_exact[COMMIT_RUNTIME] =
                prophecy->verdict == VERDICT_WHOLE && is_intact(query, manifest);
        if (reach.is_all || !prophecy->is_exact[COMMIT_RUNTIME])
                return;
        if (!is_tear(query, &reach)) {
                prophecy->verdict = VERDICT_DAMAGED;
        } else {
                prophecy->verdict = VERDICT_TORN;
                prophecy->torn_path = reach.path;
                prophecy->is_dirty = !is_zero(site_get(query->damaged, reach.path), reach.offset);
        }
}

Prophecy oracle_ask(const History *history, const Site *damaged)
{
        Query query = { .history = history, .damaged = damaged };
        Prophecy prophecy = { 0 };

        prophecy.is_untouched = is_untouched(&query);
        query_begin(&query, "state");
        ask_persistent(&query, &prophecy);
        query_end(&query);
        query_begin(&query, "runtime");
        ask_runtime(&query, &prophecy);
        query_end(&query);
        return prophecy;
}
