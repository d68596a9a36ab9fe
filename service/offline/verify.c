/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verify
 *
 * While a regentd is at the directory, its files change under the reader's eyes: one that is named
 * may be gone already, and a journal's end may be seen half written. So what looks wrong then is
 * looked at again, and counts only if it stays.
 */

#include "offline/verify.h"

#include "client/regent-store-stream.h"
#include "offline/examine.h"
#include "offline/read-only-io.h"
#include "offline/stream.h"
#include "store/last-good.h"
#include "store/recovery-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS_MAX 10
#define DAMAGED_NAME "damaged"

#define ROLE_STRANGER "stranger" /* what a start sets aside, and says so */

/* Of one look at everything. */
typedef struct Verification {
        Reading *reading;
        GPtrArray *files;    /* owned a{sv} */
        const char *verdict; /* the worst of what counts */
        uint64_t highest;    /* revision that a file of the persistent side knows of */
        bool has_files;      /* the persistent side, beside evidence */
} Verification;

static void verification_clear(Verification *verification)
{
        g_clear_pointer(&verification->files, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verification, verification_clear)

static int rank(const char *verdict)
{
        static const char *const order[] = { REGENT_STORE_WHOLE, REGENT_STORE_TORN,
                                             REGENT_STORE_DAMAGED, REGENT_STORE_NEWER };

        for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
                if (strcmp(order[i], verdict) == 0)
                        return (int) i;
        g_assert_not_reached();
}

static void count_verdict(Verification *verification, const char *verdict)
{
        if (rank(verdict) > rank(verification->verdict))
                verification->verdict = verdict;
}

static void add_number(GVariantDict *dict, const char *name, uint64_t number)
{
        if (number > 0)
                g_variant_dict_insert(dict, name, "t", number);
}

static GVariant *describe(const char *path, const char *role, const Examination *examination)
{
        g_autofree char *valid = g_utf8_make_valid(path, -1);
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "path", "s", valid);
        g_variant_dict_insert(&dict, "role", "s", role);
        g_variant_dict_insert(&dict, "kind", "s", examine_kind_name(examination->kind));
        g_variant_dict_insert(&dict, "verdict", "s", examination->verdict);
        if (examination->reason)
                g_variant_dict_insert(&dict, "reason", "s", examination->reason);
        g_variant_dict_insert(&dict, "bytes", "t", examination->n_bytes);
        g_variant_dict_insert(&dict, "records", "t", examination->n_records);
        add_number(&dict, "first-revision", examination->first);
        add_number(&dict, "last-revision", examination->last);
        if (examination->kind == FILE_CHECKPOINT) {
                g_variant_dict_insert(&dict, "namespaces", "t", examination->n_namespaces);
                g_variant_dict_insert(&dict, "entries", "t", examination->n_entries);
        }
        if (strcmp(examination->verdict, REGENT_STORE_WHOLE) != 0)
                add_number(&dict, "offset", examination->offset);
        add_number(&dict, "created-usec", examination->created_usec);
        return g_variant_ref_sink(g_variant_dict_end(&dict));
}

/* Looks at a file of @directory. @does_count: in the verdict on all. 0 or an errno. */
static int look_at(Verification *verification,
                   const StoreDirectory *directory,
                   const char *name,
                   const char *role,
                   bool does_count,
                   const JournalExpectation *expectation,
                   Examination *ret_examination)
{
        g_autofree char *path = g_build_filename(directory->path, name, NULL);
        FileKind kind = examine_name(name);
        int fd, r;

        fd = io_openat(directory->io, directory->fd, name, O_RDONLY, 0);
        if (fd == -ENOENT && !does_count)
                return 0; /* it has gone meanwhile */
        if (fd == -ENOENT || fd == -EIO) {
                *ret_examination = examine_missing(kind);
                if (fd == -EIO)
                        ret_examination->reason = EXAMINE_NO_FILE;
        } else if (fd < 0) {
                return stream_fail_errno(fd, path);
        } else {
                r = examine(directory->io, fd, kind, expectation, ret_examination);
                close(fd);
                if (r < 0)
                        return stream_fail_errno(r, path);
        }

        if (strcmp(role, ROLE_STRANGER) == 0) {
                does_count = true;
                if (rank(ret_examination->verdict) < rank(REGENT_STORE_DAMAGED)) {
                        ret_examination->verdict = REGENT_STORE_DAMAGED;
                        ret_examination->reason = "it is not what it is called";
                }
        }
        /* No start leaves a torn end behind, so this one has been begun since. */
        if (verification->reading->is_held && rank(ret_examination->verdict) == 1) {
                ret_examination->reason = "it is being written to";
                does_count = false;
        }
        g_ptr_array_add(verification->files, describe(path, role, ret_examination));
        if (does_count)
                count_verdict(verification, ret_examination->verdict);
        return 0;
}

/* The files that the manifest names, oldest first, each journal held against the one before. */
static int look_at_named(Verification *verification, const Side *side)
{
        const Manifest *manifest = side->manifest;
        JournalExpectation expectation = { .committed = manifest->committed };
        Examination found;
        int r;

        for (guint age = manifest->generations->len; age > 0; age--) {
                const ManifestGeneration *generation = manifest_generation(manifest, age - 1);
                const char *role = age == 1 ? "newest" : "previous";

                if (!sd_id128_is_null(generation->checkpoint.uuid)) {
                        g_autofree char *name =
                                manifest_checkpoint_name(generation->checkpoint.revision);

                        r = look_at(verification, side->directory, name, role, true, NULL, &found);
                        if (r < 0)
                                return r;
                }
                for (guint i = 0; i < generation->journals->len; i++) {
                        g_autofree char *name = NULL;

                        expectation.file = g_array_index(generation->journals, ManifestFile, i);
                        expectation.is_newest = age == 1 && i + 1 == generation->journals->len;
                        name = manifest_journal_name(expectation.file.revision);
                        r = look_at(verification, side->directory, name, role, true, &expectation,
                                    &found);
                        if (r < 0)
                                return r;
                        if (side->part == COMMIT_PERSISTENT)
                                verification->highest = MAX(verification->highest, found.highest);
                        expectation.has_predecessor = rank(found.verdict) == 0;
                        expectation.predecessor = found.link;
                }
        }

        if (side->part == COMMIT_PERSISTENT)
                verification->highest = MAX(verification->highest, manifest->committed);
        return 0;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int list_sorted(const StoreDirectory *directory, GPtrArray **ret_names)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(directory->io, directory->fd, names);
        if (r < 0)
                return stream_fail_errno(r, directory->path);
        g_ptr_array_sort(names, compare_names);
        *ret_names = g_steal_pointer(&names);
        return 0;
}

/* What no manifest names a start sets aside, or removes, by what this finds. */
static int find_role(const StoreDirectory *directory, const char *name, const char **ret_role)
{
        ScannedFile file = { .kind = SCAN_OTHER };
        int r;

        r = recovery_scan_identify(directory, name, &file);
        if (r < 0) {
                g_autofree char *path = g_build_filename(directory->path, name, NULL);

                return stream_fail_errno(r, path);
        }
        *ret_role = file.kind == SCAN_STRANGER ? ROLE_STRANGER : "unused";
        return 0;
}

/* Checkpoints and journals that no manifest names: a crash leaves some, and a start removes them. */
static int look_at_unused(Verification *verification, const Side *side, bool has_manifest)
{
        g_autoptr(GPtrArray) names = NULL;
        Examination found;
        int r;

        r = list_sorted(side->directory, &names);
        for (guint i = 0; r == 0 && i < names->len; i++) {
                const char *name = names->pdata[i];
                FileKind kind = examine_name(name);
                const char *role = NULL;

                if ((kind != FILE_CHECKPOINT && kind != FILE_JOURNAL) ||
                    (has_manifest && manifest_names(side->manifest, name)))
                        continue;
                r = find_role(side->directory, name, &role);
                if (r == 0)
                        r = look_at(verification, side->directory, name, role, false, NULL, &found);
        }
        return r;
}

/* Which of them a start would stumble over the reading has found. */
static int look_at_copies(Verification *verification, const StoreDirectory *directory)
{
        g_autoptr(GPtrArray) names = NULL;
        Examination found;
        int r;

        r = list_sorted(directory, &names);
        for (guint i = 0; r == 0 && i < names->len; i++)
                r = look_at(verification, directory, names->pdata[i], LAST_GOOD_NAME, false, NULL,
                            &found);
        return r;
}

/* Evidence: whatever it is, it has no effect. */
static int look_at_evidence(Verification *verification, const StoreDirectory *parent)
{
        g_autoptr(StoreDirectory) damaged = NULL;
        g_autoptr(GPtrArray) labels = NULL;
        int r;

        r = reading_open_below(&damaged, parent, DAMAGED_NAME);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return stream_fail_errno(r, parent->path);
        r = list_sorted(damaged, &labels);
        for (guint i = 0; r == 0 && i < labels->len; i++) {
                g_autoptr(StoreDirectory) directory = NULL;
                g_autoptr(GPtrArray) names = NULL;
                Examination found;

                if (reading_open_below(&directory, damaged, labels->pdata[i]) < 0)
                        continue;
                r = list_sorted(directory, &names);
                for (guint j = 0; r == 0 && j < names->len; j++)
                        r = look_at(verification, directory, names->pdata[j], "set-aside", false,
                                    NULL, &found);
        }
        return r;
}

static int look_at_side(Verification *verification, const Side *side)
{
        const RecoveryFindings *findings = &verification->reading->findings[side->part];
        bool is_nothing = findings->is_nothing;
        /* Of another boot, the runtime side counts no more. */
        bool does_count = side->part == COMMIT_PERSISTENT || !is_nothing;
        guint n_before = verification->files->len;
        Examination found;
        int r = 0;

        if (findings->has_manifest || findings->damage || verification->reading->newer ||
            verification->reading->is_unreadable)
                r = look_at(verification, side->directory, MANIFEST_NAME, "manifest", does_count,
                            NULL, &found);
        if (r == 0 && findings->has_manifest && does_count)
                r = look_at_named(verification, side);
        if (r == 0)
                r = look_at_unused(verification, side, findings->has_manifest && does_count);
        if (r == 0 && side->good_directory)
                r = look_at_copies(verification, side->good_directory);
        else if (r == 0 && side->part == COMMIT_PERSISTENT)
                r = look_at(verification, side->directory, LAST_GOOD_NAME, LAST_GOOD_NAME, false,
                            NULL, &found);
        if (side->part == COMMIT_PERSISTENT)
                verification->has_files = verification->files->len > n_before;
        return r == 0 ? look_at_evidence(verification, side->directory) : r;
}

static int look_at_sides(Verification *verification)
{
        Reading *reading = verification->reading;
        int r = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(reading->sides) && r == 0; i++)
                if (reading->sides[i].directory)
                        r = look_at_side(verification, &reading->sides[i]);

        if (reading->newer)
                count_verdict(verification, REGENT_STORE_NEWER);
        if (reading->is_unreadable || reading_damage(reading) || reading->damaged_copies->len > 0)
                count_verdict(verification, REGENT_STORE_DAMAGED);
        return r;
}

/* One look. 0 or -EPROTO. */
static int look(Verification *verification)
{
        Reading *reading = verification->reading;
        int r;

        r = reading_load(reading);
        reading->is_unreadable = r == -EIO;
        if (r < 0 && r != -EIO)
                return stream_fail_errno(r, reading->sides[COMMIT_PERSISTENT].directory->path);
        return look_at_sides(verification);
}

/* As good as another directory, or one that was not mounted. */
static bool is_no_state(const Verification *verification)
{
        const Reading *reading = verification->reading;

        return !verification->has_files && !reading->is_unreadable &&
               reading->findings[COMMIT_PERSISTENT].is_nothing;
}

static GVariant *describe_all(const Verification *verification)
{
        const Reading *reading = verification->reading;
        const Side *persistent = &reading->sides[COMMIT_PERSISTENT];
        const RecoveryFindings *findings = &reading->findings[COMMIT_PERSISTENT];
        g_autofree char *path = g_utf8_make_valid(persistent->directory->path, -1);
        const char *damage = reading_damage(reading);
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "state-directory", "s", path);
        g_variant_dict_insert(&dict, "verdict", "s", verification->verdict);
        g_variant_dict_insert(&dict, "held", "b", reading->is_held);
        if (reading->is_unreadable)
                g_variant_dict_insert(&dict, "reason", "s", "a file cannot be read");
        if (reading->newer || reading->is_unreadable)
                return g_variant_dict_end(&dict);

        g_variant_dict_insert(&dict, "loaded-from", "s", loaded_from_name(findings->loaded_from));
        g_variant_dict_insert(&dict, "revision", "t", findings->revision);
        g_variant_dict_insert(&dict, "namespaces", "t",
                              (uint64_t) g_tree_nnodes(state_namespaces(reading->state)));
        g_variant_dict_insert(&dict, "keys", "t", state_n_keys(reading->state));
        add_number(&dict, "last-good-revision", persistent->good.revision);
        add_number(&dict, "pending-changes",
                   pending_changes_all(state_pending(reading->state))->len);
        if (damage)
                g_variant_dict_insert(&dict, "reason", "s", damage);
        if (damage && verification->highest > findings->revision)
                g_variant_dict_insert(&dict, "known-revision", "t", verification->highest);
        return g_variant_dict_end(&dict);
}

static int tell(GPtrArray *files, GVariant *verdict)
{
        g_autoptr(GVariant) last = g_variant_ref_sink(verdict);
        int r = 0;

        for (guint i = 0; i < files->len && r == 0; i++)
                r = stream_put(REGENT_STORE_FILE, files->pdata[i]);
        if (r == 0)
                r = stream_put(REGENT_STORE_VERDICT, last);
        return r == 0 ? stream_flush() : r;
}

static void unref_variant(gpointer variant)
{
        g_variant_unref(variant);
}

static int fail_no_state(const char *path)
{
        return stream_fail(REGENT_STORE_NOT_FOUND,
                           "Before the first start there is none; else see that it is the right "
                           "directory, and mounted.",
                           "%s: there is no state in it", path);
}

int verify_directory(const ReadingOptions *options)
{
        g_auto(Reading) reading = { 0 };
        int r;

        r = reading_open(&reading, options);
        for (unsigned i = 0; r == 0; i++) {
                g_auto(Verification) verification = {
                        .reading = &reading,
                        .files = g_ptr_array_new_with_free_func(unref_variant),
                        .verdict = REGENT_STORE_WHOLE,
                };

                r = look(&verification);
                if (r < 0)
                        break;
                if (rank(verification.verdict) > 0 && reading.is_held && i + 1 < ATTEMPTS_MAX)
                        continue;
                return is_no_state(&verification)
                               ? fail_no_state(options->state_directory)
                               : tell(verification.files, describe_all(&verification));
        }
        return r;
}

int verify_files(char **paths)
{
        g_auto(Verification) verification = {
                .files = g_ptr_array_new_with_free_func(unref_variant),
                .verdict = REGENT_STORE_WHOLE,
        };
        GVariantDict dict;

        for (; *paths; paths++) {
                Examination found;
                int fd, r;

                fd = reading_open_named(*paths);
                if (fd < 0)
                        return fd;
                r = examine(read_only_io(), fd, FILE_UNKNOWN, NULL, &found);
                close(fd);
                if (r < 0)
                        return stream_fail_errno(r, *paths);
                g_ptr_array_add(verification.files, describe(*paths, "file", &found));
                count_verdict(&verification, found.verdict);
        }

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "verdict", "s", verification.verdict);
        return tell(verification.files, g_variant_dict_end(&dict));
}
