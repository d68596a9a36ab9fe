/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store fixture
 */

#include "support/store-fixture.h"

#include "core/namespace-places.h"
#include "store/manifest.h"
#include "support/store-check.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHECKPOINT_TURNS_MAX 100000

#define TURN_USEC_MAX (UINT64_C(20) * G_USEC_PER_SEC)

static void on_written(void *userdata, int r)
{
        StoreFixture *fixture = userdata;

        g_assert_false(fixture->is_settled);
        fixture->is_settled = true;
        fixture->result = r;
}

static void on_revision_limit(void *userdata)
{
        StoreFixture *fixture = userdata;

        fixture->n_limit_calls++;
}

static void on_status(void *userdata)
{
        StoreFixture *fixture = userdata;

        fixture->n_status_calls++;
}

static void set_key(GHashTable *table, const char *ns, const char *key, const char *value)
{
        g_hash_table_replace(table, g_strdup_printf("%s %s", ns, key), g_strdup(value));
}

void store_fixture_set_up(StoreFixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
        /* In memory unless asked: thousands of syncs say nothing more on a disk. */
        const char *scratch = g_getenv("REGENT_TEST_SCRATCH");
        bool has_shm = access("/dev/shm", W_OK) == 0;
        g_autofree char *pattern = g_build_filename(scratch   ? scratch
                                                    : has_shm ? "/dev/shm"
                                                              : g_get_tmp_dir(),
                                                    "regent-store-XXXXXX", NULL);

        log_open(LOG_EMERG);
        *fixture = (StoreFixture){
                .path = g_mkdtemp(g_steal_pointer(&pattern)),
                .io = io_system(),
                .checkpoint_journal_bytes = 1 << 20,
                .acknowledged = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                .sent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };
        g_assert_nonnull(fixture->path);
        g_assert_cmpint(sd_event_new(&fixture->event), >=, 0);
        fixture->state_directory = g_build_filename(fixture->path, "state", NULL);
        fixture->runtime_directory = g_build_filename(fixture->path, "runtime", NULL);
}

static int remove_item(const char *path,
                       const struct stat *st G_GNUC_UNUSED,
                       int type G_GNUC_UNUSED,
                       struct FTW *walk G_GNUC_UNUSED)
{
        return remove(path);
}

void store_fixture_tear_down(StoreFixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
        store_fixture_crash(fixture);
        g_assert_cmpint(nftw(fixture->path, remove_item, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
        sd_event_unref(fixture->event);
        g_hash_table_unref(fixture->acknowledged);
        g_hash_table_unref(fixture->sent);
        g_free(fixture->path);
        g_free(fixture->state_directory);
        g_free(fixture->runtime_directory);
}

int store_fixture_open(StoreFixture *fixture)
{
        StoreOptions options = {
                .state_directory = fixture->state_directory,
                .runtime_directory = fixture->runtime_directory,
                .checkpoint_journal_bytes = fixture->checkpoint_journal_bytes,
                .boot_id = fixture->boot_id,
                .retry_usec = fixture->retry_usec,
        };
        StoreCallbacks callbacks = { on_written, on_revision_limit, on_status, fixture };
        int r;

        fixture->state = state_new();
        state_set_release(fixture->state, fixture->release);
        fixture->status = (ServiceStatus){ 0 };
        r = store_open(&fixture->store, fixture->io, &options, fixture->event, fixture->state,
                       &fixture->status, &callbacks);
        if (r != 0)
                g_clear_pointer(&fixture->state, state_free);
        return r;
}

void store_fixture_crash(StoreFixture *fixture)
{
        g_clear_pointer(&fixture->store, store_free);
        g_clear_pointer(&fixture->state, state_free);
}

int store_fixture_close(StoreFixture *fixture)
{
        int r = store_close(fixture->store);

        store_fixture_crash(fixture);
        return r;
}

void store_fixture_reopen(StoreFixture *fixture)
{
        store_fixture_crash(fixture);
        fixture->io = io_system();
        g_assert_cmpint(store_fixture_open(fixture), ==, 0);
}

Commit *store_fixture_commit(StoreFixture *fixture)
{
        return commit_new(state_revision(fixture->state) + 1, (uint64_t) g_get_real_time(), 4001,
                          NULL);
}

static NamespaceChange *change_of(Commit *commit, const char *ns)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                NamespaceChange *change = commit->changes->pdata[i];

                if (strcmp(change->name, ns) == 0 && change->kind == NAMESPACE_CHANGE_ENTRIES)
                        return change;
        }

        return commit_add(commit, NAMESPACE_CHANGE_ENTRIES, ns);
}

void store_fixture_put(
        Commit *commit, const char *ns, const char *key, const char *value, EntryClass class)
{
        g_auto(GStrv) parts = g_strsplit(key, "@", 2);
        g_autoptr(GVariant) variant = NULL;
        g_autoptr(Entry) entry = NULL;

        if (value) {
                variant = g_variant_ref_sink(g_variant_new_string(value));
                entry = entry_new(parts[0], variant, class);
        } else
                entry = entry_new_tombstone(parts[0], class);

        commit_add_entry(commit, change_of(commit, ns),
                         parts[1] ? entry_new_of_release(entry, parts[1]) : entry_ref(entry));
}

/* Owned: its key and, with an @ between, its release. */
static char *place_of(const Entry *entry)
{
        return entry->class == ENTRY_KERNEL
                       ? g_strdup_printf("%s@%s", entry_key(entry), entry_release(entry))
                       : g_strdup(entry_key(entry));
}

void store_fixture_create(Commit *commit, const char *ns)
{
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_CREATE, ns);

        change->access = (NamespaceAccess){
                .owner = 4001,
                .group = NAMESPACE_NO_GROUP,
                .mode = NAMESPACE_MODE_STANDARD,
        };
}

static const char *text_of(const Entry *entry)
{
        return entry_is_tombstone(entry) ? "" : entry_value_bytes(entry);
}

static void note(StoreFixture *fixture, const Commit *commit, bool is_acknowledged)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                for (guint j = 0; change->entries && j < change->entries->len; j++) {
                        const Entry *entry = change->entries->pdata[j];
                        g_autofree char *place = place_of(entry);

                        if (is_acknowledged)
                                set_key(fixture->acknowledged, change->name, place, text_of(entry));
                        else
                                g_hash_table_add(fixture->sent,
                                                 g_strdup_printf("%s %s %s", change->name, place,
                                                                 text_of(entry)));
                }
        }
        if (is_acknowledged)
                fixture->acknowledged_revision = commit->revision;
}

static int wait_for_result(StoreFixture *fixture)
{
        int64_t deadline = g_get_monotonic_time() + (int64_t) TURN_USEC_MAX;

        while (!fixture->is_settled) {
                g_assert_cmpint(sd_event_run(fixture->event, TURN_USEC_MAX), >=, 0);
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        }

        return fixture->result;
}

int store_fixture_write(StoreFixture *fixture, GPtrArray *commits)
{
        int r;

        for (guint i = 0; i < commits->len; i++)
                note(fixture, commits->pdata[i], false);

        fixture->is_settled = false;
        r = store_write(fixture->store, commits);
        if (r == 0)
                r = wait_for_result(fixture);
        else if (r == STORE_E_WRITTEN)
                r = 0;
        if (r < 0)
                return r;

        for (guint i = 0; i < commits->len; i++) {
                state_apply(fixture->state, commits->pdata[i]);
                note(fixture, commits->pdata[i], true);
        }
        store_applied(fixture->store);
        return 0;
}

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

int store_fixture_write_one(StoreFixture *fixture, Commit *commit)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);

        g_ptr_array_add(commits, commit);
        return store_fixture_write(fixture, commits);
}

int store_fixture_checkpoint(StoreFixture *fixture)
{
        uint64_t n = store_fixture_statistic(fixture, "checkpoints") +
                     store_fixture_statistic(fixture, "checkpoint-failures");
        int r = store_checkpoint(fixture->store);

        for (int i = 0; r == 0; i++) {
                g_assert_cmpint(i, <, CHECKPOINT_TURNS_MAX);
                if (store_fixture_statistic(fixture, "checkpoints") +
                            store_fixture_statistic(fixture, "checkpoint-failures") >
                    n)
                        return 0;
                if (fixture->status.state == SERVICE_READ_ONLY)
                        return -EROFS;
                g_assert_cmpint(sd_event_run(fixture->event, 1000), >=, 0);
        }
        return r;
}

void store_fixture_add_namespace(StoreFixture *fixture, const char *ns)
{
        Commit *commit = store_fixture_commit(fixture);

        store_fixture_create(commit, ns);
        g_assert_cmpint(store_fixture_write_one(fixture, commit), ==, 0);
}

void store_fixture_set(StoreFixture *fixture, const char *ns, const char *key, const char *value)
{
        Commit *commit = store_fixture_commit(fixture);

        store_fixture_put(commit, ns, key, value, ENTRY_PERSISTENT);
        g_assert_cmpint(store_fixture_write_one(fixture, commit), ==, 0);
}

const char *store_fixture_get(StoreFixture *fixture, const char *ns, const char *key)
{
        const Namespace *namespace = state_lookup(fixture->state, ns);
        g_auto(GStrv) parts = g_strsplit(key, "@", 2);
        const Entry *entry =
                namespace ? namespace_lookup_at(namespace, parts[0], parts[1] ? parts[1] : "")
                          : NULL;

        return entry ? entry_value_bytes(entry) : NULL;
}

static void check_acknowledged(StoreFixture *fixture)
{
        GHashTableIter iter;
        gpointer place, value;

        g_hash_table_iter_init(&iter, fixture->acknowledged);
        while (g_hash_table_iter_next(&iter, &place, &value)) {
                g_auto(GStrv) parts = g_strsplit(place, " ", 2);
                const char *found = store_fixture_get(fixture, parts[0], parts[1]);
                g_autofree char *sent =
                        g_strdup_printf("%s %s", (const char *) place, found ? found : "");

                /* A later one may be there that was not acknowledged. */
                if (g_strcmp0(found ? found : "", value) != 0 &&
                    !g_hash_table_contains(fixture->sent, sent))
                        g_error("%s: '%s' was acknowledged, '%s' is there", (const char *) place,
                                (const char *) value, found ? found : "(nothing)");
        }
}

static gboolean check_namespace(gpointer name, gpointer value, gpointer userdata)
{
        StoreFixture *fixture = userdata;
        const Namespace *ns = value;

        NamespacePlaces places;
        const Entry *entry;

        namespace_places_begin(&places, ns, NULL);
        while ((entry = namespace_places_next(&places))) {
                g_autofree char *place = place_of(entry);
                g_autofree char *found =
                        g_strdup_printf("%s %s %s", (const char *) name, place, text_of(entry));

                if (!g_hash_table_contains(fixture->sent, found))
                        g_error("%s is there and was never sent", found);
        }

        return FALSE;
}

void store_fixture_check(StoreFixture *fixture)
{
        check_acknowledged(fixture);
        g_tree_foreach(state_namespaces(fixture->state), check_namespace, fixture);
        g_assert_cmpuint(state_revision(fixture->state), >=, fixture->acknowledged_revision);
}

void store_fixture_check_manifest(StoreFixture *fixture)
{
        g_autofree char *manifest = g_build_filename(fixture->state_directory, MANIFEST_NAME, NULL);

        g_assert_true(g_file_test(manifest, G_FILE_TEST_EXISTS));
        g_assert_true(store_check_is_complete(io_system(), fixture->state_directory));
}

uint64_t store_fixture_statistic(StoreFixture *fixture, const char *name)
{
        g_autoptr(GVariant) statistics = g_variant_ref_sink(store_statistics(fixture->store));
        uint64_t value;

        g_assert_true(g_variant_lookup(statistics, name, "t", &value));
        return value;
}
