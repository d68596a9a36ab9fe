/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recover
 *
 *     1. the source is read, all of it
 *     2. both directories are locked
 *     3. the revision: that of the newest evidence, so that none means two things
 *     4. old files get second names in damaged/
 *     5. a checkpoint and a journal of names that nothing has; until here the old state counts
 *     6. a manifest that names these two alone, with an epoch of its own; from here on the new one
 *     7. the old names go, all is read back and compared
 *
 * The runtime side is not written. The new manifest is of no boot, which tells the next start that
 * the runtime side is not its own, and that changes which wait for a confirmation are to be undone:
 * a recovery confirms none.
 */

#include "offline/recover.h"

#include "client/regent-store-stream.h"
#include "core/namespace-places.h"
#include "offline/examine.h"
#include "offline/source.h"
#include "offline/stream.h"
#include "offline/target.h"
#include "offline/traces.h"
#include "store/checkpoint.h"
#include "store/evidence.h"
#include "store/pending-codec.h"
#include "store/start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

typedef struct Recovering {
        const RecoverOptions *options;
        Source source;
        Side sides[2]; /* by CommitPart; the runtime one may have no directory */
        uint64_t now_usec;
        uint64_t revision;
        char *label; /* of what is set aside */
        guint n_set_aside;
} Recovering;

static void recovering_clear(Recovering *recovering)
{
        for (size_t i = 0; i < G_N_ELEMENTS(recovering->sides); i++)
                side_clear(&recovering->sides[i]);
        source_clear(&recovering->source);
        g_clear_pointer(&recovering->label, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Recovering, recovering_clear)

static int fail_held(const char *path)
{
        return stream_fail(REGENT_STORE_CONFLICT, "Stop it first: 'systemctl stop regentd'.",
                           "%s: a running regentd has it", path);
}

static int lock_side(Recovering *recovering, CommitPart part, const char *path)
{
        int r = path ? side_open(&recovering->sides[part], recovering->options->io, path, part) : 0;

        if (r == DIRECTORY_E_LOCKED)
                return fail_held(path);
        if (r == 0 && path)
                r = recovering->sides[part].directory->failure;
        return r < 0 ? stream_fail_errno(r, path) : 0;
}

static int lock_sides(Recovering *recovering)
{
        const ReadingOptions *directories = &recovering->options->directories;
        int r;

        r = lock_side(recovering, COMMIT_PERSISTENT, directories->state_directory);
        if (r == 0)
                r = lock_side(recovering, COMMIT_RUNTIME, directories->runtime_directory);
        return r;
}

/* Files of a later version are not ours to judge, and their revisions not ours to know. */
static int refuse_newer(const Recovering *recovering)
{
        g_auto(Reading) reading = { 0 };
        int r;

        r = reading_open(&reading, &recovering->options->directories);
        if (r < 0)
                return r;
        r = reading_load(&reading);
        if (r < 0)
                return stream_fail_errno(r, recovering->options->directories.state_directory);
        return reading.newer ? stream_fail(REGENT_STORE_REFUSED, NULL,
                                           "%s: it was written by a later version", reading.newer)
                             : 0;
}

static int find_revision(Recovering *recovering)
{
        const ReadingOptions *directories = &recovering->options->directories;
        const char *paths[] = { directories->state_directory, directories->runtime_directory };

        for (size_t i = 0; i < G_N_ELEMENTS(paths) && paths[i]; i++) {
                g_autoptr(StoreDirectory) directory = NULL;
                uint64_t revision = 0;
                int r;

                r = reading_open_directory(&directory, paths[i]);
                if (r == 0)
                        r = traces_highest(directory, &revision);
                if (r < 0)
                        return stream_fail_errno(r, paths[i]);
                recovering->revision = MAX(recovering->revision, revision);
        }

        /* What the source is of may have gone on elsewhere, nobody knows how far. */
        if (recovering->revision <= recovering->source.revision)
                recovering->revision = recovering->source.revision + TRACES_REVISIONS_IN_DOUBT;
        /* Its own, so that no other checkpoint has its name. */
        recovering->revision++;
        return 0;
}

/* A name that tells when and why; nothing is put into one that is there already. */
static char *make_label(uint64_t now_usec)
{
        g_autoptr(GDateTime) now =
                g_date_time_new_from_unix_utc((gint64) (now_usec / G_USEC_PER_SEC));
        g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

        return g_strdup_printf("%s.%06uZ-replaced-by-recover", time,
                               (unsigned) (now_usec % G_USEC_PER_SEC));
}

static int set_aside(Recovering *recovering, Side *side)
{
        const StoreDirectory *directory = side->directory;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(directory->io, directory->fd, names);
        if (r < 0)
                return stream_fail_errno(r, directory->path);
        for (guint i = names->len; i > 0; i--)
                if (examine_name(names->pdata[i - 1]) == FILE_UNKNOWN)
                        g_ptr_array_remove_index(names, i - 1);
        if (names->len == 0)
                return 0;

        recovering->n_set_aside += names->len;
        r = evidence_keep(directory, directory, recovering->label, names);
        side->is_set_aside = r == 0;
        return r < 0 ? stream_fail_errno(r, directory->path) : 0;
}

/* Nobody else has them yet. */
static void put_off_boot(State *state)
{
        const GPtrArray *all = pending_changes_all(state_pending(state));

        for (guint i = 0; i < all->len; i++) {
                PendingChange *change = all->pdata[i];

                memset(change->boot_id, 0, sizeof change->boot_id);
        }
}

static int write_state(Recovering *recovering)
{
        Side *side = &recovering->sides[COMMIT_PERSISTENT];
        sd_id128_t epoch;
        int r;

        r = sd_id128_randomize(&epoch);
        if (r < 0)
                return r;

        put_off_boot(recovering->source.state);
        state_set_revision(recovering->source.state, recovering->revision);
        side->manifest = manifest_new(epoch, SD_ID128_NULL);
        side->manifest->reserved = recovering->revision + START_REVISIONS_RESERVED;
        side->manifest->floor = recovering->revision;
        manifest_add_generation(side->manifest, (ManifestFile){ 0 });
        r = side_begin_journal(side, recovering->revision, recovering->now_usec);
        if (r < 0)
                return r;
        return checkpoint_take(side, recovering->source.state, recovering->now_usec);
}

/* Its names go; it is all in damaged/. */
static int empty_runtime(const Side *side)
{
        const StoreDirectory *directory = side->directory;
        int r;

        r = io_unlinkat(directory->io, directory->fd, MANIFEST_NAME);
        return r < 0 && r != -ENOENT ? r : side_remove_others(side, NULL);
}

static bool entries_equal(const Entry *a, const Entry *b)
{
        return strcmp(entry_key(a), entry_key(b)) == 0 &&
               strcmp(entry_release(a), entry_release(b)) == 0 && entry_equal(a, b) &&
               a->revision == b->revision && a->time_usec == b->time_usec &&
               a->writer_uid == b->writer_uid;
}

static bool namespaces_equal(const Namespace *a, const Namespace *b)
{
        NamespacePlaces places_a, places_b;
        const Entry *of_a, *of_b;

        if (strcmp(a->name, b->name) != 0 || access_compare(&a->access, &b->access) != 0 ||
            a->created_revision != b->created_revision)
                return false;

        namespace_places_begin_by_release(&places_a, a);
        namespace_places_begin_by_release(&places_b, b);
        do {
                of_a = namespace_places_next(&places_a);
                of_b = namespace_places_next(&places_b);
        } while (of_a && of_b && entries_equal(of_a, of_b));
        return !of_a && !of_b;
}

static void put_pending(CodecBuffer *buffer, State *state)
{
        const GPtrArray *all = pending_changes_all(state_pending(state));

        for (guint i = 0; i < all->len; i++) {
                const PendingChange *change = all->pdata[i];

                codec_put_number(buffer, change->revision);
                codec_put_u32(buffer, change->writer_uid);
                pending_codec_put(buffer, change);
        }
}

static bool pending_equal(State *a, State *b)
{
        g_auto(CodecBuffer) of_a = { 0 }, of_b = { 0 };

        put_pending(&of_a, a);
        put_pending(&of_b, b);
        return of_a.n_bytes == of_b.n_bytes &&
               (of_a.n_bytes == 0 || memcmp(of_a.bytes, of_b.bytes, of_a.n_bytes) == 0);
}

static bool states_equal(State *a, State *b)
{
        GTreeNode *of_a = g_tree_node_first(state_namespaces(a));
        GTreeNode *of_b = g_tree_node_first(state_namespaces(b));

        for (; of_a && of_b; of_a = g_tree_node_next(of_a), of_b = g_tree_node_next(of_b))
                if (!namespaces_equal(g_tree_node_value(of_a), g_tree_node_value(of_b)))
                        return false;
        return !of_a && !of_b && pending_equal(a, b);
}

/* What a start would load now is what the source held. */
static int read_back(const Recovering *recovering)
{
        const ReadingOptions options = {
                .state_directory = recovering->options->directories.state_directory,
        };
        g_auto(Reading) reading = { 0 };
        int r;

        r = reading_open(&reading, &options);
        if (r < 0)
                return r;
        r = reading_load(&reading);
        if (r < 0)
                return stream_fail_errno(r, options.state_directory);
        if (reading.newer || reading_damage(&reading) ||
            reading_revision(&reading) != recovering->revision ||
            !states_equal(reading.state, recovering->source.state))
                return stream_fail(REGENT_STORE_OTHER, "What was there is in damaged/.",
                                   "%s: what was written reads back otherwise",
                                   options.state_directory);
        return 0;
}

static int put_in_place(Recovering *recovering)
{
        const char *path = recovering->options->directories.state_directory;
        int r = 0;

        recovering->label = make_label(recovering->now_usec);
        for (size_t i = 0; i < G_N_ELEMENTS(recovering->sides) && r == 0; i++)
                if (recovering->sides[i].directory)
                        r = set_aside(recovering, &recovering->sides[i]);
        if (r < 0)
                return r;

        r = write_state(recovering);
        if (r == 0 && recovering->sides[COMMIT_RUNTIME].directory)
                r = empty_runtime(&recovering->sides[COMMIT_RUNTIME]);
        return r < 0 ? stream_fail_errno(r, path) : read_back(recovering);
}

static int tell_done(const Recovering *recovering)
{
        const char *path = recovering->options->directories.state_directory;
        const Source *source = &recovering->source;
        uint64_t n_pending;
        GVariantDict dict;
        int r;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "source-revision", "t", source->revision);
        g_variant_dict_insert(&dict, "revision", "t", recovering->revision);
        g_variant_dict_insert(&dict, "namespaces", "t",
                              (uint64_t) g_tree_nnodes(state_namespaces(source->state)));
        g_variant_dict_insert(&dict, "keys", "t", state_n_keys(source->state));
        n_pending = pending_changes_all(state_pending(source->state))->len;
        if (n_pending > 0)
                g_variant_dict_insert(&dict, "pending-changes", "t", n_pending);
        if (source->created_usec > 0)
                g_variant_dict_insert(&dict, "created-usec", "t", source->created_usec);
        if (source->damage)
                g_variant_dict_insert(&dict, "damage", "s", source->damage);
        if (recovering->n_set_aside > 0) {
                g_autofree char *aside = g_build_filename(path, "damaged", recovering->label, NULL);
                g_autofree char *valid = g_utf8_make_valid(aside, -1);

                g_variant_dict_insert(&dict, "set-aside", "s", valid);
        }
        r = stream_put(REGENT_STORE_DONE, g_variant_dict_end(&dict));
        return r == 0 ? stream_flush() : r;
}

int recover_directory(const RecoverOptions *options)
{
        g_auto(Recovering) recovering = {
                .options = options,
                .now_usec = (uint64_t) g_get_real_time(),
        };
        int r;

        r = source_read(&recovering.source, options->from, options->directories.state_directory,
                        options->is_forced);
        if (r == 0 && !options->is_dry_run)
                r = target_take(options->directories.state_directory);
        if (r == 0)
                r = refuse_newer(&recovering);
        if (r == 0 && !options->is_dry_run)
                r = lock_sides(&recovering);
        if (r == 0)
                r = find_revision(&recovering);
        if (r == 0 && !options->is_dry_run)
                r = put_in_place(&recovering);
        return r == 0 ? tell_done(&recovering) : r;
}
