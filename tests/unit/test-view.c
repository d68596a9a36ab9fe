/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A namespace is seen in its view as it is, after every commit.
 */

#include "changes.h"
#include "declared.h"
#include "view-rig.h"
#include "view/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_view_shows_what_is_there(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        view_rig_put(f, "a", "uint32 5");
        view_rig_put(f, "b", "'text'");
        view_rig_put(f, "c", "[<1>, <'two'>]");
        reader = view_rig_open(f);

        view_rig_assert_whole(f, &reader);
        view_rig_assert_sees(&reader, "a", "5");
        view_rig_assert_sees(&reader, "c", "[<1>, <'two'>]");
        view_rig_assert_sees(&reader, "d", NULL);
        g_assert_cmpuint(view_reader_state(&reader), ==, REGENT_VIEW_LIVE);
        view_reader_close(&reader);
}

static void test_view_follows_commits(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader = view_rig_open(f);
        uint32_t sequence;

        view_rig_assert_sees(&reader, "a", NULL);
        view_rig_put(f, "a", "1");
        view_rig_assert_whole(f, &reader);
        view_rig_assert_sees(&reader, "a", "1");
        view_rig_put(f, "a", NULL);
        view_rig_assert_sees(&reader, "a", NULL);
        view_rig_assert_whole(f, &reader);
        view_rig_put(f, "a", "'again'");
        view_rig_assert_whole(f, &reader);

        sequence = view_reader_sequence(&reader);
        view_rig_apply(f, view_rig_commit(f, "a", "3"));
        view_rig_apply(f, view_rig_commit(f, "b", "3"));
        view_rig_apply(f, view_rig_commit(f, "a", NULL));
        view_rig_apply(f, view_rig_commit(f, "a", "4"));
        view_rig_apply(f, view_rig_commit(f, "b", NULL));
        view_rig_assert_whole(f, &reader);
        view_rig_assert_sees(&reader, "a", "4");
        view_rig_assert_sees(&reader, "b", NULL);
        g_assert_cmpuint(view_reader_sequence(&reader), ==, sequence + 10);
        view_reader_close(&reader);
}

static void test_view_keeps_what_was_read(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;
        ViewEntry before;

        view_rig_put(f, "a", "'before'");
        reader = view_rig_open(f);
        g_assert(view_reader_get(&reader, "a", 1, &before) == 0);
        view_rig_put(f, "a", "'after'");
        view_rig_put(f, "a", NULL);

        g_assert_cmpstr(before.value, ==, "before");
        view_reader_close(&reader);
}

static Commit *of_class(ViewRig *f, const char *key, const char *text, EntryClass class)
{
        Commit *commit = changes_commit_entry(++f->revision, NAME, key, text, class);
        NamespaceChange *change = commit->changes->pdata[0];
        Entry *entry = change->entries->pdata[0];

        if (class == ENTRY_KERNEL) {
                change->entries->pdata[0] = entry_new_of_release(entry, "6.1");
                ((Entry *) change->entries->pdata[0])->revision = commit->revision;
                entry_unref(entry);
        }
        return commit;
}

static void test_kernel_entries_shadow(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        view_rig_put(f, "a", "1");
        reader = view_rig_open(f);
        view_rig_apply(f, of_class(f, "a", "2", ENTRY_KERNEL));
        view_rig_assert_sees(&reader, "a", "2");
        view_rig_assert_whole(f, &reader);
        view_rig_put(f, "a", "3");
        view_rig_assert_sees(&reader, "a", "2");
        view_rig_apply(f, of_class(f, "a", NULL, ENTRY_KERNEL));
        view_rig_assert_sees(&reader, "a", "3");
        view_rig_apply(f, of_class(f, "r", "4", ENTRY_RUNTIME));
        view_rig_assert_whole(f, &reader);
        view_reader_close(&reader);
}

static void declare(ViewRig *f, const char *key, const char *text)
{
        Declaration *declaration = declared_new();

        if (key)
                (void) declared_add(declaration, key, text);
        declared_put(f->state, NAME, declaration);
        views_publish_declaration(f->views, view_rig_ns(f));
}

static void test_defaults_show_and_change(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;

        declare(f, "d", "1");
        reader = view_rig_open(f);
        view_rig_assert_sees(&reader, "d", "1");
        view_rig_assert_whole(f, &reader);
        view_rig_put(f, "d", "7");
        view_rig_assert_sees(&reader, "d", "7");
        declare(f, "d", "2");
        view_rig_assert_sees(&reader, "d", "7");
        view_rig_put(f, "d", NULL);
        view_rig_assert_sees(&reader, "d", "2");
        declare(f, "d", "3");
        view_rig_assert_sees(&reader, "d", "3");
        declare(f, "e", "4");
        view_rig_assert_sees(&reader, "d", NULL);
        view_rig_assert_sees(&reader, "e", "4");
        view_rig_assert_whole(f, &reader);
        declare(f, NULL, NULL);
        view_rig_assert_sees(&reader, "e", NULL);
        view_reader_close(&reader);
}

static void test_reader_cannot_write(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *path = NULL;
        ViewLoan loan;
        int fd;

        g_assert(views_open(f->views, view_rig_ns(f), 4001, &loan) == 0);
        path = g_strdup_printf("/proc/self/fd/%d", loan.fd);
        g_assert(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, loan.fd, 0) == MAP_FAILED);
        g_assert(ftruncate(loan.fd, 0) < 0);
        g_assert(fcntl(loan.fd, F_ADD_SEALS, F_SEAL_WRITE) < 0);

        /* Whoever may open it for writing, its owner and root, may not write either. */
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
                g_assert(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
                g_assert(write(fd, "x", 1) < 0);
                g_assert(ftruncate(fd, 0) < 0);
                g_assert(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0);
                (void) close(fd);
        }
        (void) close(loan.fd);
}

/* Without a time-out, so whoever is not woken stays there. */
static gpointer sleep_through_changes(gpointer userdata)
{
        const ViewReader *reader = userdata;
        uint64_t seen = 0;

        while (seen < 201) {
                uint32_t sequence = view_reader_sequence(reader);

                if (view_reader_revision(reader) == seen)
                        (void) syscall(SYS_futex, &reader->header->sequence, FUTEX_WAIT, sequence,
                                       NULL, NULL, 0);
                seen = view_reader_revision(reader);
        }
        return NULL;
}

static void test_reader_sleeps_until_a_change(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GThread) thread = NULL;
        ViewReader reader;
        uint32_t sequence;

        view_rig_fill(f, 400, 8); /* so that there is room for the changes */
        f->revision = 1;
        reader = view_rig_open(f);
        sequence = view_reader_sequence(&reader);
        g_assert_cmpint(view_reader_wait(&reader, sequence, 1), ==, -ETIMEDOUT);

        thread = g_thread_new("reader", sleep_through_changes, &reader);
        while (f->revision < 201) {
                view_rig_put(f, "a", "1");
                g_thread_yield();
        }
        g_thread_join(g_steal_pointer(&thread));
        g_assert_cmpint(view_reader_wait(&reader, sequence, G_MAXUINT64), ==, 0);
        view_reader_close(&reader);
}

/* In a process that may make no system call but its exit. */
static void read_without_calls(const ViewReader *reader)
{
        uint32_t sequence = 0, value;
        uint64_t cursor = 0;
        ViewEntry entry;
        bool is_good;

        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
                _exit(77);

        is_good = view_reader_begin(reader, &sequence) == 0;
        for (unsigned i = 0; i < 10000; i++)
                is_good = is_good &&
                          view_reader_get_fixed(reader, "a", "u", &value, sizeof value) == 0;
        while (view_reader_next(reader, &cursor, &entry) == 0)
                is_good = is_good && entry.key_bytes == 1;
        is_good = is_good && view_reader_is_whole(reader, sequence) && value == 5;
        (void) syscall(SYS_exit, is_good ? 0 : 1);
}

static void test_reading_makes_no_system_call(ViewRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        ViewReader reader;
        int status;
        pid_t pid;

        view_rig_put(f, "a", "uint32 5");
        reader = view_rig_open(f);
        pid = fork();
        g_assert(pid >= 0);
        if (pid == 0)
                read_without_calls(&reader);

        g_assert(waitpid(pid, &status, 0) == pid);
        view_reader_close(&reader);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                g_test_skip("no seccomp here");
                return;
        }
        g_assert(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static Entry *numbered(unsigned i, uint64_t revision)
{
        g_autofree char *key = g_strdup_printf("%u", i);
        g_autoptr(GVariant) value = changes_value("1");
        Entry *entry = entry_new(key, value, ENTRY_PERSISTENT);

        entry->revision = revision;
        return entry;
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

/* What finds the table full is not seen by halves. */
static void test_full_table_takes_all_or_nothing(void)
{
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_destroy);
        const GenerationShape shape = { 1, 4096 };
        g_autoptr(Generation) generation = NULL;
        ViewReader reader;
        ViewEntry seen;

        g_assert(generation_new(&generation, &shape, 1) == 0);
        g_assert(view_reader_attach(&reader, generation_memory(generation),
                                    generation_bytes(generation)) == 0);
        for (unsigned i = 0; i < 6; i++) {
                g_ptr_array_add(entries, numbered(i, 5));
                g_assert(generation_put(generation, entries->pdata[i]) == 0);
        }
        g_assert(generation_publish(generation, 5) == 0);

        for (unsigned i = 6; i < 12; i++) {
                g_ptr_array_add(entries, numbered(i - 1, 6));
                g_assert(generation_put(generation, entries->pdata[i]) == 0);
        }
        g_assert_cmpint(generation_publish(generation, 6), ==, GENERATION_E_FULL);

        g_assert(view_reader_get(&reader, "5", 1, &seen) == 0 && seen.revision == 5);
        g_assert(view_reader_get(&reader, "6", 1, &seen) == -ENOENT);
        g_assert_cmpuint(view_reader_n_keys(&reader), ==, 6);
        g_assert_cmpuint(view_reader_revision(&reader), ==, 5);
        g_assert_cmpuint(view_reader_sequence(&reader) % 2, ==, 0);
        g_assert_cmpint(generation_put(generation, entries->pdata[0]), ==, GENERATION_E_FULL);
}

#define ADD(name) \
        g_test_add("/view/" #name, ViewRig, NULL, view_rig_set_up, test_##name, view_rig_tear_down)

#define ADD(name) \
        g_test_add("/view/" #name, ViewRig, NULL, view_rig_set_up, test_##name, view_rig_tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD(view_shows_what_is_there);
        ADD(view_follows_commits);
        ADD(view_keeps_what_was_read);
        ADD(kernel_entries_shadow);
        ADD(defaults_show_and_change);
        ADD(reader_cannot_write);
        ADD(reader_sleeps_until_a_change);
#ifndef __SANITIZE_THREAD__ /* which makes calls of its own */
        ADD(reading_makes_no_system_call);
#else
        (void) test_reading_makes_no_system_call;
#endif
        g_test_add_func("/view/full_table_takes_all_or_nothing",
                        test_full_table_takes_all_or_nothing);
        return g_test_run();
}
