/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Io, and what the log makes of text
 */

#include "support/faulty-io.h"
#include "support/store-fixture.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct Scene {
        StoreFixture store; /* for its directory */
        FaultyIo faulty;
        int dir_fd;
        int fd;
} Scene;

static void scene_set_up(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        store_fixture_set_up(&scene->store, NULL);
        faulty_io_init(&scene->faulty, io_system());
        scene->dir_fd = open(scene->store.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(scene->dir_fd, >=, 0);
        scene->fd = io_openat(io_system(), scene->dir_fd, "file", O_RDWR | O_CREAT, 0600);
        g_assert_cmpint(scene->fd, >=, 0);
}

static void scene_tear_down(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        close(scene->fd);
        close(scene->dir_fd);
        store_fixture_tear_down(&scene->store, NULL);
}

static void test_short_write_is_an_error(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        const Io *io = &scene->faulty.io;

        g_assert_cmpint(io_pwrite_once(io, scene->fd, "0123456789", 10, 0), ==, 0);
        faulty_io_arm(&scene->faulty, FAULT_SHORT, 1);
        g_assert_cmpint(io_pwrite_once(io, scene->fd, "0123456789", 10, 0), ==, -EIO);
        scene->faulty.error = -ENOSPC;
        faulty_io_arm(&scene->faulty, FAULT_ERROR, 1);
        g_assert_cmpint(io_pwrite_once(io, scene->fd, "0123456789", 10, 0), ==, -ENOSPC);
}

static void test_short_read_goes_on(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        const Io *io = &scene->faulty.io;
        uint64_t size;
        char text[20];

        g_assert_cmpint(io_pwrite_once(io, scene->fd, "0123456789", 10, 0), ==, 0);
        faulty_io_arm(&scene->faulty, FAULT_SHORT, 1);
        g_assert_cmpint(io_pread_full(io, scene->fd, text, 10, 0), ==, 10);
        g_assert_cmpmem(text, 10, "0123456789", 10);
        g_assert_cmpint(io_pread_full(io, scene->fd, text, sizeof text, 4), ==, 6);
        g_assert_cmpint(io_size(io, scene->fd, &size), ==, 0);
        g_assert_cmpuint(size, ==, 10);
}

static void test_lock_is_one_holders(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        int other = io_openat(io_system(), scene->dir_fd, "file", O_RDWR, 0);

        g_assert_cmpint(io_lock(io_system(), scene->fd), ==, 0);
        g_assert_cmpint(io_lock(io_system(), other), ==, -EAGAIN);
        close(other);
}

static void test_list_names_everything_once(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        g_assert_cmpint(io_mkdirat(io_system(), scene->dir_fd, "folder", 0700), ==, 0);
        g_assert_cmpint(io_mkdirat(io_system(), scene->dir_fd, "folder", 0700), ==, -EEXIST);
        g_assert_cmpint(io_list(io_system(), scene->dir_fd, names), ==, 0);
        g_assert_cmpuint(names->len, ==, 2);
        g_assert_true(g_ptr_array_find_with_equal_func(names, "file", g_str_equal, NULL));
        g_assert_true(g_ptr_array_find_with_equal_func(names, "folder", g_str_equal, NULL));
}

static void test_log_escapes_hostile_text(void)
{
        static const struct {
                const char *text, *escaped;
        } cases[] = {
                { "plain", "plain" },
                { "a\nb", "a\\x0ab" },
                { "\033[31m", "\\x1b[31m" },
                { "Gr\303\274n", "Gr\303\274n" },
                { "bad \377 byte", "bad \\xff byte" },
                { "cut \303", "cut \\xc3" },
                { "\342\200\256turned", "\\xe2\\x80\\xaeturned" }, /* right to left */
                { "\342\200\250line", "\\xe2\\x80\\xa8line" },     /* line separator */
                { "", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *escaped = log_escape(cases[i].text);

                g_assert_cmpstr(escaped, ==, cases[i].escaped);
        }
}

static void test_log_levels_have_names(void)
{
        g_assert_cmpint(log_level_from_name("emerg"), ==, LOG_EMERG);
        g_assert_cmpint(log_level_from_name("debug"), ==, LOG_DEBUG);
        g_assert_cmpint(log_level_from_name("warning"), ==, LOG_WARNING);
        g_assert_cmpint(log_level_from_name("loud"), ==, -EINVAL);
        g_assert_cmpint(log_level_from_name(""), ==, -EINVAL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define IO_TEST(path, test) \
        g_test_add("/io/" path, Scene, NULL, scene_set_up, test, scene_tear_down)
        IO_TEST("short-write-is-an-error", test_short_write_is_an_error);
        IO_TEST("short-read-goes-on", test_short_read_goes_on);
        IO_TEST("lock-is-one-holders", test_lock_is_one_holders);
        IO_TEST("list-names-everything-once", test_list_names_everything_once);
        g_test_add_func("/log/escapes-hostile-text", test_log_escapes_hostile_text);
        g_test_add_func("/log/levels-have-names", test_log_levels_have_names);

        return g_test_run();
}
