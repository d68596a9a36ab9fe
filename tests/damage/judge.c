/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judge
 */

#include "judge.h"

#include "description.h"
#include "log-trap.h"
#include "oracle.h"
#include "store/format.h"

#include <string.h>

#define MESSAGE_DAMAGED "43e8786dc25347a5a6e16a0c3f198aca"
#define GOOD            "state/last-known-good/"

typedef struct Case {
        Judge *judge;
        const char *what;
        const Site *damaged;
        Prophecy prophecy;
        StoreFixture fixture;
        Site *after;        /* its files after the start */
        GPtrArray *records; /* LogTrapRecord, of the start */
        bool is_degraded;
        bool has_failed;
} Case;

void judge_init(Judge *judge, const History *history, unsigned stride)
{
        *judge = (Judge){
                .history = history,
                .stride = stride,
                .violations = g_ptr_array_new_with_free_func(g_free),
        };
}

void judge_clear(Judge *judge)
{
        g_ptr_array_unref(judge->violations);
}

static void violate(Case *c, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void violate(Case *c, const char *format, ...)
{
        g_autofree char *why = NULL;
        va_list arguments;

        va_start(arguments, format);
        why = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        if (g_getenv("REGENT_TEST_DAMAGE_VERBOSE"))
                g_printerr("%s: %s\n", c->what, why);
        g_ptr_array_add(c->judge->violations, g_strdup_printf("%s: %s", c->what, why));
        c->has_failed = true;
}

/* A file's path below the fixture's directory. */
static const char *below(const Case *c, const char *path)
{
        size_t n = strlen(c->fixture.path);

        return path && strncmp(path, c->fixture.path, n) == 0 && path[n] == '/' ? path + n + 1
                                                                                : NULL;
}

static bool is_damage(const LogTrapRecord *record)
{
        return g_strcmp0(record->message_id, MESSAGE_DAMAGED) == 0;
}

static unsigned n_damage_records(const Case *c)
{
        unsigned n = 0;

        for (guint i = 0; i < c->records->len; i++)
                n += is_damage(c->records->pdata[i]);
        return n;
}

static bool is_torn_logged(const Case *c, const char *path)
{
        for (guint i = 0; i < c->records->len; i++) {
                const LogTrapRecord *record = c->records->pdata[i];

                if (!record->message_id && record->offset >= 0 &&
                    g_strcmp0(below(c, record->file), path) == 0)
                        return true;
        }
        return false;
}

static bool is_logged(const Case *c, const char *path)
{
        for (guint i = 0; i < c->records->len; i++) {
                const LogTrapRecord *record = c->records->pdata[i];

                if (is_damage(record) && g_strcmp0(below(c, record->file), path) == 0)
                        return true;
        }
        return false;
}

static bool is_touched(const Case *c, const char *path)
{
        return !site_agrees(c->damaged, c->judge->history->site, path);
}

static const char *side_of(const char *path)
{
        return g_str_has_prefix(path, "runtime/") ? "runtime/" : "state/";
}

/* Of a journal of @side; negative: of another file. */
static int64_t journal_revision(const char *side, const char *path)
{
        g_autofree char *prefix = g_strconcat(side, "journal-", NULL);

        return g_str_has_prefix(path, prefix)
                       ? (int64_t) g_ascii_strtoull(path + strlen(prefix), NULL, 10)
                       : -1;
}

static int64_t newest_journal(const Site *site, const char *side)
{
        g_autoptr(GPtrArray) paths = site_paths(site);
        int64_t newest = -1;

        for (guint i = 0; i < paths->len; i++)
                newest = MAX(newest, journal_revision(side, paths->pdata[i]));
        return newest;
}

/*
 * A journal that was brought in, later than all that the store had, cannot be told from one that an
 * older manifest does not know of yet: then it is the manifest that is named, and for that reason.
 */
static bool is_outdated(const Case *c, const char *path, const LogTrapRecord *record)
{
        const char *side = side_of(path);

        return g_str_has_suffix(path, "/MANIFEST") &&
               strstr(record->message, "the manifest is older than the journals") &&
               newest_journal(c->damaged, side) > newest_journal(c->judge->history->site, side);
}

static bool is_side_logged(const Case *c, const char *side)
{
        for (guint i = 0; i < c->records->len; i++) {
                const LogTrapRecord *record = c->records->pdata[i];
                const char *path = below(c, record->file);

                if (is_damage(record) && path && g_str_has_prefix(path, side) &&
                    !g_str_has_prefix(path, GOOD))
                        return true;
        }
        return false;
}

static unsigned n_touched(const Case *c)
{
        g_autoptr(GPtrArray) paths = site_paths(c->judge->history->site);
        unsigned n = 0;

        for (guint i = 0; i < paths->len; i++)
                n += is_touched(c, paths->pdata[i]);
        return n;
}

/* Each record names a file that was touched; one file, one record. */
static void check_records(Case *c)
{
        g_autoptr(GHashTable) named = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; i < c->records->len; i++) {
                const LogTrapRecord *record = c->records->pdata[i];
                const char *path = below(c, record->file);

                if (!is_damage(record))
                        continue;
                if (!path || (!is_touched(c, path) && !is_outdated(c, path, record)))
                        violate(c, "the log names %s", record->file);
                else if (!g_hash_table_add(named, record->file))
                        violate(c, "the log names %s twice", path);
                else if (!strstr(record->message, strrchr(path, '/') + 1))
                        violate(c, "the log does not say %s: %s", path, record->message);
        }
        if (n_damage_records(c) > MAX(n_touched(c), 1))
                violate(c, "%u records of damage, %u files touched", n_damage_records(c),
                        n_touched(c));
        if (c->is_degraded && n_damage_records(c) == 0)
                violate(c, "degraded, and nothing is logged");
}

/*
 * The end of the newest journal is a tear where nothing says that there was more, and with another file
 * damaged, too, the oracle does not say whether anything does. Its header tells of itself.
 */
static bool may_be_torn(const Case *c, const char *path)
{
        const char *side = side_of(path);
        GBytes *was = site_get(c->judge->history->site, path), *is = site_get(c->damaged, path);

        if (journal_revision(side, path) < 0 ||
            journal_revision(side, path) != newest_journal(c->damaged, side) ||
            g_bytes_get_size(is) < sizeof(FileHeader))
                return false;
        return (n_touched(c) > 1 || g_strcmp0(path, c->prophecy.torn_path) == 0) &&
               memcmp(g_bytes_get_data(is, NULL), g_bytes_get_data(was, NULL),
                      sizeof(FileHeader)) == 0;
}

/* Each file of the store that was changed and is set aside, is named. */
static void check_names(Case *c)
{
        g_autoptr(GPtrArray) paths = site_paths(c->damaged);

        for (guint i = 0; i < paths->len; i++) {
                const char *path = paths->pdata[i];
                g_autofree char *aside = g_strconcat(side_of(path), "damaged/", NULL);

                if (is_touched(c, path) && !is_logged(c, path) &&
                    site_get(c->judge->history->site, path) && !may_be_torn(c, path) &&
                    site_has_bytes(c->after, aside, site_get(c->damaged, path)))
                        violate(c, "%s is set aside, and the log does not name it", path);
        }
}

/*
 * Whatever was there and is not as it was is still there, here or there. What was brought in under a
 * name that the store has no file of, and is whole, cannot be told from what a crash has left over.
 */
static void check_evidence(Case *c)
{
        g_autoptr(GPtrArray) paths = site_paths(c->damaged);

        for (guint i = 0; i < paths->len; i++) {
                const char *path = paths->pdata[i];
                g_autofree char *aside = g_strconcat(side_of(path), "damaged/", NULL);
                GBytes *bytes = site_get(c->damaged, path);
                bool is_good = g_str_has_prefix(path, GOOD);

                if (c->is_degraded && !is_good && is_side_logged(c, side_of(path))) {
                        if (!site_has_bytes(c->after, aside, bytes))
                                violate(c, "%s is not kept in damaged/", path);
                } else if (site_get(c->judge->history->site, path) && !is_torn_logged(c, path) &&
                           is_touched(c, path) && !site_has_bytes(c->after, side_of(path), bytes)) {
                        violate(c, "%s is gone without a copy", path);
                }
        }
}

static void check_untouched(Case *c)
{
        g_autoptr(GPtrArray) paths = site_paths(c->after);

        if (c->is_degraded || n_damage_records(c) > 0)
                violate(c, "whole, and taken for damaged");
        for (guint i = 0; i < paths->len; i++)
                if (strstr(paths->pdata[i], "/damaged/"))
                        violate(c, "whole, and set aside");
}

static void check_loaded_from(Case *c)
{
        const ServiceStatus *status = &c->fixture.status;

        if (c->is_degraded && !status->loaded_reason && is_side_logged(c, "state/"))
                violate(c, "degraded, and no reason is given");
        if (c->prophecy.is_copy != (status->loaded_from == LOADED_FROM_LAST_KNOWN_GOOD))
                violate(c, "loaded from %s", loaded_from_name(status->loaded_from));
        if (c->prophecy.is_loss && c->prophecy.revision == 0 &&
            status->loaded_from == LOADED_FROM_PREFIX)
                violate(c, "nothing is left, and that is called a prefix");
        /* With the manifest gone nobody knows that a whole journal is. */
        if (c->prophecy.is_loss && !is_touched(c, "state/MANIFEST") &&
            status->loaded_from == LOADED_FROM_JOURNAL)
                violate(c, "loaded from the journal, with a loss");
}

/* Damage of another file, which may cost nothing where there is a generation to spare. */
static bool is_other_logged(const Case *c, const char *torn)
{
        for (guint i = 0; i < c->records->len; i++) {
                const LogTrapRecord *record = c->records->pdata[i];

                if (is_damage(record) && g_strcmp0(below(c, record->file), torn) != 0)
                        return true;
        }
        return false;
}

/* Halves of commits on the runtime side may be what tells a loss from a tear. */
static bool knows_more(const Case *c)
{
        const char *reason = c->fixture.status.loaded_reason;

        return reason && strstr(reason, "runtime directory knows") &&
               is_logged(c, c->prophecy.torn_path);
}

static void check_verdict(Case *c)
{
        const char *torn = c->prophecy.torn_path;

        switch (c->prophecy.verdict) {
        case VERDICT_WHOLE:
                break;
        case VERDICT_TORN:
                if (c->is_degraded && !knows_more(c) && !is_other_logged(c, torn))
                        violate(c, "a tear is taken for damage");
                else if (!c->is_degraded && c->prophecy.is_dirty != is_torn_logged(c, torn))
                        violate(c, "a tear of %s is%s logged", torn,
                                c->prophecy.is_dirty ? " not" : "");
                break;
        case VERDICT_DAMAGED:
                if (!c->is_degraded)
                        violate(c, "a silent loss");
                break;
        }
}

static void check_state(Case *c)
{
        const Moment *moment = history_at(c->judge->history, c->prophecy.revision);
        const Moment *runtime = history_at(c->judge->history, c->prophecy.runtime_revision);
        g_autofree char *kept = description_of(c->fixture.state, true);
        g_autofree char *lost = description_of(c->fixture.state, false);
        uint64_t least = c->is_degraded ? history_end(c->judge->history) : c->prophecy.revision;

        if (strcmp(kept, moment->persistent) != 0)
                violate(c,
                        "the state is not that of revision %" G_GUINT64_FORMAT
                        " (%s, loaded from %s), but\n%s",
                        moment->revision, c->is_degraded ? "degraded" : "running",
                        loaded_from_name(c->fixture.status.loaded_from), kept);
        if (c->prophecy.is_exact[COMMIT_RUNTIME] && strcmp(lost, runtime->runtime) != 0)
                violate(c,
                        "the runtime entries are not those of revision %" G_GUINT64_FORMAT
                        ", but\n%s",
                        runtime->revision, lost);
        if (state_revision(c->fixture.state) < least)
                violate(c, "goes on at revision %" G_GUINT64_FORMAT,
                        state_revision(c->fixture.state));
}

/* What the first start had no need of may be noticed by the next, which has no need of it either. */
static void check_late_record(Case *c, const LogTrapRecord *record)
{
        const char *path = below(c, record->file);
        g_autofree char *aside = path ? g_strconcat(side_of(path), "damaged/", NULL) : NULL;
        g_autoptr(Site) after = site_read(c->fixture.path);

        if (!is_damage(record) || !path || !is_touched(c, path) || is_logged(c, path) ||
            !site_has_bytes(after, aside, site_get(c->damaged, path)))
                violate(c, "the next start complains: %s", record->message);
}

/* Something is written, and the next start has that too and nothing to complain of. */
static void check_going_on(Case *c)
{
        StoreFixture *f = &c->fixture;
        g_autoptr(GPtrArray) records = NULL;
        g_autofree char *kept = NULL, *lost = NULL, *kept_again = NULL, *lost_again = NULL;
        bool has_namespace = state_lookup(f->state, HISTORY_NS);
        Commit *commit = store_fixture_commit(f);
        uint64_t revision = commit->revision;

        if (!has_namespace)
                store_fixture_create(commit, HISTORY_NS);
        store_fixture_put(commit, HISTORY_NS, HISTORY_LATER_KEY, "x", ENTRY_PERSISTENT);
        if (store_fixture_write_one(f, commit) != 0) {
                violate(c, "nothing can be written");
                return;
        }
        kept = description_of(f->state, true);
        lost = description_of(f->state, false);
        if (c->judge->n_judged % 2 == 0)
                g_assert_cmpint(store_fixture_close(f), ==, 0);
        else
                store_fixture_crash(f);

        g_ptr_array_unref(log_trap_take());
        if (store_fixture_open(f) != 0) {
                violate(c, "it does not start again");
                return;
        }
        records = log_trap_take();
        kept_again = description_of(f->state, true);
        lost_again = description_of(f->state, false);
        if (f->status.state != SERVICE_RUNNING)
                violate(c, "the next start complains: %s", f->status.loaded_reason);
        for (guint i = 0; i < records->len; i++)
                check_late_record(c, records->pdata[i]);
        if (strcmp(kept, kept_again) != 0 || strcmp(lost, lost_again) != 0)
                violate(c, "the next start has another state:\n%s%s", kept_again, lost_again);
        if (state_revision(f->state) < revision)
                violate(c, "the revision goes back");
}

static void case_begin(
        Case *c, Judge *judge, const char *what, const Site *damaged, const Prophecy *prophecy)
{
        *c = (Case){ .judge = judge, .what = what, .damaged = damaged, .prophecy = *prophecy };
        store_fixture_set_up(&c->fixture, NULL);
        site_write(damaged, c->fixture.path);
        if (judge->history->is_in_doubt) {
                g_autofree char *note = g_build_filename(c->fixture.path, HISTORY_DOUBT_PATH, NULL);
                g_autofree char *directory = g_path_get_dirname(note);

                g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
                g_assert_true(g_file_set_contents(note, "", 0, NULL));
        }
        g_ptr_array_unref(log_trap_take());
        judge->n_judged++;
}

static void case_end(Case *c)
{
        site_free(c->after);
        if (c->records)
                g_ptr_array_unref(c->records);
        store_fixture_tear_down(&c->fixture, NULL);
}

static bool is_skipped(Judge *judge, const char *what)
{
        const char *only = g_getenv("REGENT_TEST_DAMAGE_ONLY");

        if (only)
                return strcmp(only, what) != 0;
        return judge->n_cases++ % judge->stride != 0;
}

void judge_damage(void *userdata, const char *what, const Site *damaged)
{
        Judge *judge = userdata;
        Prophecy prophecy;
        Case c;
        int r;

        if (is_skipped(judge, what))
                return;

        prophecy = oracle_ask(judge->history, damaged);
        case_begin(&c, judge, what, damaged, &prophecy);
        r = store_fixture_open(&c.fixture);
        if (r != 0) {
                violate(&c, "it does not start: %d", r);
                case_end(&c);
                return;
        }
        c.records = log_trap_take();
        c.after = site_read(c.fixture.path);
        c.is_degraded = c.fixture.status.state == SERVICE_DEGRADED;
        judge->n_degraded += c.is_degraded;
        judge->n_torn += prophecy.verdict == VERDICT_TORN;
        if (c.fixture.status.state == SERVICE_READ_ONLY)
                violate(&c, "it starts read-only");
        check_state(&c);
        check_verdict(&c);
        check_loaded_from(&c);
        check_records(&c);
        check_names(&c);
        check_evidence(&c);
        if (prophecy.is_untouched)
                check_untouched(&c);
        check_going_on(&c);
        case_end(&c);
}

void judge_newer(void *userdata, const char *what, const Site *damaged)
{
        Judge *judge = userdata;
        Prophecy prophecy = { 0 };
        Case c;

        case_begin(&c, judge, what, damaged, &prophecy);
        if (store_fixture_open(&c.fixture) != STORE_E_NEWER_FORMAT) {
                violate(&c, "a newer format is not refused");
        } else {
                g_autoptr(GPtrArray) paths = NULL;

                c.after = site_read(c.fixture.path);
                if (judge->history->is_in_doubt && !site_get(c.after, HISTORY_DOUBT_PATH))
                        violate(&c, "the note that not all was synced is gone");
                site_put(c.after, HISTORY_DOUBT_PATH, NULL);
                paths = site_paths(c.after);
                for (guint i = 0; i < paths->len; i++)
                        if (!site_agrees(c.after, damaged, paths->pdata[i]))
                                violate(&c, "%s is not as it was", (char *) paths->pdata[i]);
                if (g_hash_table_size(c.after->files) != g_hash_table_size(damaged->files))
                        violate(&c, "files are missing");
        }
        case_end(&c);
}
