/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disk and cut: what a crash may leave, and what it may not
 */

#include "cut.h"

#include <string.h>

#define SECTORS 3u

typedef struct Fixture {
        Disk *disk;
        DiskNode *directory;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->disk = disk_new(true);
        f->directory = disk_add(f->disk, f->disk->root, "state", true);
        disk_synced(f->disk, f->disk->root, disk_now(f->disk), false);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        disk_free(f->disk);
}

static void sync_node(Fixture *f, DiskNode *node)
{
        disk_synced(f->disk, node, disk_now(f->disk), false);
}

/* A file of SECTORS sectors of @letter, all of it certain. */
static DiskNode *add_file(Fixture *f, const char *name, char letter)
{
        DiskNode *file = disk_add(f->disk, f->directory, name, false);
        char bytes[SECTORS * DISK_SECTOR_BYTES];

        memset(bytes, letter, sizeof bytes);
        disk_write(f->disk, file, bytes, sizeof bytes, 0);
        sync_node(f, file);
        sync_node(f, f->directory);
        return file;
}

static void write_letter(Fixture *f, DiskNode *file, char letter, size_t n_bytes, uint64_t offset)
{
        g_autofree char *bytes = g_malloc(n_bytes);

        memset(bytes, letter, n_bytes);
        disk_write(f->disk, file, bytes, n_bytes, offset);
}

/* The first letter of each sector of a file, "-" when there is no such file; owned. */
static char *letters(const Disk *disk, const char *name)
{
        const DiskNode *directory = disk_lookup(disk->root, "state");
        const DiskNode *file = directory ? disk_lookup(directory, name) : NULL;
        GString *text = g_string_new(NULL);
        char letter;

        if (!file)
                g_string_append_c(text, '-');
        for (uint64_t at = 0; file && disk_read(file, &letter, 1, at) == 1; at += DISK_SECTOR_BYTES)
                g_string_append_c(text, letter ? letter : '0');
        return g_string_free(text, FALSE);
}

/* What file @name is after a cut that @choice, used up, says. */
static void assert_left(const Cut *cut,
                        const CutChoice *choice,
                        const char *name,
                        const char *expected)
{
        g_autoptr(Disk) left = cut_power(cut, choice, false);
        g_autofree char *found = letters(left, name);

        g_assert_cmpstr(found, ==, expected);
}

static void assert_all_or_nothing(Fixture *f,
                                  const char *name,
                                  const char *all,
                                  const char *nothing)
{
        g_autoptr(Cut) cut = cut_new(f->disk);

        for (int is_all = 0; is_all < 2; is_all++)
                for (int is_ordered = 0; is_ordered < 2; is_ordered++) {
                        g_auto(CutChoice) choice = { 0 };

                        cut_choice_init(&choice, cut, is_all);
                        choice.is_ordered = is_ordered;
                        assert_left(cut, &choice, name, is_all ? all : nothing);
                }
}

static void test_unsynced_write_is_torn(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = add_file(f, "file", 'a');
        g_autoptr(Cut) cut = NULL;

        write_letter(f, file, 'b', (size_t) SECTORS * DISK_SECTOR_BYTES, 0);
        assert_all_or_nothing(f, "file", "bbb", "aaa");

        cut = cut_new(f->disk);
        g_assert_cmpuint(cut->sectors->len, ==, SECTORS);
        for (guint i = 0; i < SECTORS; i++) {
                g_auto(CutChoice) choice = { 0 };
                char expected[] = "bbb";

                cut_choice_init(&choice, cut, true);
                choice.sectors[i] = 0;
                expected[i] = 'a';
                assert_left(cut, &choice, "file", expected);
        }
}

static void test_sync_makes_certain(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = add_file(f, "file", 'a');

        write_letter(f, file, 'b', DISK_SECTOR_BYTES, DISK_SECTOR_BYTES);
        sync_node(f, file);
        assert_all_or_nothing(f, "file", "aba", "aba");
}

/* What is written while it goes on may be lost. */
static void test_sync_covers_what_was_before(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = add_file(f, "file", 'a');
        uint64_t covers;

        write_letter(f, file, 'b', DISK_SECTOR_BYTES, 0);
        covers = disk_now(f->disk);
        write_letter(f, file, 'c', DISK_SECTOR_BYTES, DISK_SECTOR_BYTES);
        disk_synced(f->disk, file, covers, false);
        assert_all_or_nothing(f, "file", "bca", "baa");
}

static void test_failed_sync_stays_uncertain(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = add_file(f, "file", 'a');

        write_letter(f, file, 'b', DISK_SECTOR_BYTES, 0);
        disk_synced(f->disk, file, disk_now(f->disk), true);
        write_letter(f, file, 'c', DISK_SECTOR_BYTES, DISK_SECTOR_BYTES);
        sync_node(f, file);
        assert_all_or_nothing(f, "file", "bca", "aca");

        write_letter(f, file, 'd', DISK_SECTOR_BYTES, 0);
        sync_node(f, file);
        assert_all_or_nothing(f, "file", "dca", "dca");
}

/* A sector goes to the disk as a whole, so a later write does not leave an earlier one behind. */
static void test_sector_has_its_versions(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = add_file(f, "file", 'a');
        g_autoptr(Cut) cut = NULL;
        g_auto(CutChoice) choice = { 0 };

        write_letter(f, file, 'b', 1, 0);
        write_letter(f, file, 'c', 1, 1);
        cut = cut_new(f->disk);
        g_assert_cmpuint(cut->sectors->len, ==, 1);
        g_assert_cmpuint(g_array_index(cut->sectors, CutSector, 0).n_versions, ==, 2);
        cut_choice_init(&choice, cut, true);
        for (uint8_t n = 0; n <= 2; n++) {
                g_autoptr(Disk) left = NULL;
                char bytes[3] = "";

                choice.sectors[0] = n;
                left = cut_power(cut, &choice, false);
                (void) disk_read(disk_lookup(disk_lookup(left->root, "state"), "file"), bytes, 2,
                                 0);
                g_assert_cmpstr(bytes, ==, n == 0 ? "aa" : n == 1 ? "ba" : "bc");
        }
}

static void test_new_file_and_its_name(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = disk_add(f->disk, f->directory, "new", false);

        write_letter(f, file, 'n', DISK_SECTOR_BYTES, 0);
        assert_all_or_nothing(f, "new", "n", "-");
        sync_node(f, file);
        assert_all_or_nothing(f, "new", "n", "-");
        sync_node(f, f->directory);
        assert_all_or_nothing(f, "new", "n", "n");
}

static void test_renamed_over_another(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        (void) add_file(f, "old", 'o');
        (void) add_file(f, "new", 'n');
        disk_move(f->disk, f->directory, "new", f->directory, "old");
        assert_all_or_nothing(f, "old", "nnn", "ooo");
        sync_node(f, f->directory);
        assert_all_or_nothing(f, "old", "nnn", "nnn");
        assert_all_or_nothing(f, "new", "-", "-");
}

/* In order: the first change, then both, never the second alone. Each for itself: all four. */
static void test_order_of_names(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Cut) cut = NULL;
        g_auto(CutChoice) choice = { 0 };

        (void) add_file(f, "first", 'f');
        (void) add_file(f, "second", 's');
        disk_unlink(f->disk, f->directory, "first");
        disk_unlink(f->disk, f->directory, "second");
        cut = cut_new(f->disk);
        cut_choice_init(&choice, cut, true);

        choice.is_ordered = true;
        choice.n_changes = 1;
        assert_left(cut, &choice, "first", "-");
        assert_left(cut, &choice, "second", "sss");

        choice.is_ordered = false;
        g_assert_cmpuint(cut->names->len, ==, 2);
        choice.names[0] = 0;
        assert_left(cut, &choice, "first", "fff");
        assert_left(cut, &choice, "second", "-");
}

static void test_memory_is_lost_by_power_alone(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *memory = disk_add(f->disk, f->disk->root, DISK_MEMORY_NAME, true);
        g_autoptr(Cut) cut = NULL;
        g_auto(CutChoice) choice = { 0 };
        g_autoptr(Disk) powerless = NULL, killed = NULL;

        write_letter(f, disk_add(f->disk, memory, "file", false), 'm', 1, 0);
        cut = cut_new(f->disk);
        cut_choice_init(&choice, cut, true);
        powerless = cut_power(cut, &choice, false);
        killed = cut_process(f->disk, false);
        g_assert_null(disk_lookup(powerless->root, DISK_MEMORY_NAME));
        g_assert_nonnull(disk_lookup(disk_lookup(killed->root, DISK_MEMORY_NAME), "file"));
}

static void test_digest_tells_disks_apart(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        DiskNode *file = add_file(f, "file", 'a');
        uint64_t before = disk_digest(f->disk), after;

        write_letter(f, file, 'b', 1, 700);
        after = disk_digest(f->disk);
        g_assert_cmpuint(before, !=, after);
        write_letter(f, file, 'a', 1, 700);
        g_assert_cmpuint(disk_digest(f->disk), ==, before);
        disk_move(f->disk, f->directory, "file", f->directory, "other");
        g_assert_cmpuint(disk_digest(f->disk), !=, before);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *path;
                void (*run)(Fixture *f, gconstpointer unused);
        } cases[] = {
                { "/crash/disk/unsynced-write-is-torn", test_unsynced_write_is_torn },
                { "/crash/disk/sync-makes-certain", test_sync_makes_certain },
                { "/crash/disk/sync-covers-what-was-before", test_sync_covers_what_was_before },
                { "/crash/disk/failed-sync-stays-uncertain", test_failed_sync_stays_uncertain },
                { "/crash/disk/sector-has-its-versions", test_sector_has_its_versions },
                { "/crash/disk/new-file-and-its-name", test_new_file_and_its_name },
                { "/crash/disk/renamed-over-another", test_renamed_over_another },
                { "/crash/disk/order-of-names", test_order_of_names },
                { "/crash/disk/memory-is-lost-by-power-alone", test_memory_is_lost_by_power_alone },
                { "/crash/disk/digest-tells-disks-apart", test_digest_tells_disks_apart },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_test_add(cases[i].path, Fixture, NULL, set_up, cases[i].run, tear_down);
        return g_test_run();
}
