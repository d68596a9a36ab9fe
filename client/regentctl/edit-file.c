/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Edit file
 */

#include "edit-file.h"

#include "child.h"
#include "input-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct EditFile {
        char *directory;
        int directory_fd; /* that one, whatever its path leads to later; -1: none yet */
        char *name;       /* in there */
        char *path;       /* NULL before it is there */
        char *original;
        bool is_kept;
};

static gboolean fail(const char *path, int error_number, Failure **reterr)
{
        return failure_set(reterr, EXIT_OTHER, "%s: %s", path, g_strerror(error_number));
}

static gboolean write_all(int fd, const char *text, const char *path, Failure **reterr)
{
        size_t n_left = strlen(text);

        while (n_left > 0) {
                ssize_t n = write(fd, text, n_left);

                if (n < 0 && errno != EINTR)
                        return fail(path, errno, reterr);
                if (n > 0) {
                        text += n;
                        n_left -= (size_t) n;
                }
        }

        return true;
}

static gboolean write_file(EditFile *file, const char *text, Failure **reterr)
{
        int fd = openat(file->directory_fd, file->name,
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        gboolean is_written;

        if (fd < 0)
                return fail(file->path, errno, reterr);

        is_written = write_all(fd, text, file->path, reterr);
        if (close(fd) < 0 && is_written)
                return fail(file->path, errno, reterr);
        return is_written;
}

/* A directory of somebody else's, as "su" leaves it in the environment, is none to write secrets to. */
static const char *find_place(void)
{
        const char *path = g_getenv("XDG_RUNTIME_DIR");
        struct stat status;

        if (path && g_path_is_absolute(path) && lstat(path, &status) == 0 &&
            S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
            (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && access(path, W_OK) == 0)
                return path;
        return "/tmp";
}

/* Whether the path still leads to the directory that was made, and nobody else may enter that. */
static bool is_in_place(const EditFile *file)
{
        struct stat held, found;

        return fstat(file->directory_fd, &held) == 0 && lstat(file->directory, &found) == 0 &&
               held.st_dev == found.st_dev && held.st_ino == found.st_ino &&
               held.st_uid == geteuid() && (held.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static gboolean check_place(const EditFile *file, Failure **reterr)
{
        return is_in_place(file) ||
               failure_set(reterr, EXIT_OTHER, "%s: somebody has replaced this directory",
                           file->directory);
}

static gboolean make_directory(EditFile *file, Failure **reterr)
{
        g_autofree char *path = g_build_filename(find_place(), "regentctl-XXXXXX", NULL);

        if (!g_mkdtemp_full(path, 0700))
                return fail(path, errno, reterr);

        file->directory = g_steal_pointer(&path);
        file->directory_fd = open(file->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (file->directory_fd < 0)
                return fail(file->directory, errno, reterr);
        return check_place(file, reterr);
}

gboolean edit_file_new(const char *name, const char *text, EditFile **ret_file, Failure **reterr)
{
        g_autoptr(EditFile) file = g_new0(EditFile, 1);

        file->directory_fd = -1;
        file->original = g_strdup(text);
        file->name = g_strdup(name);
        if (!make_directory(file, reterr))
                return false;

        file->path = g_build_filename(file->directory, name, NULL);
        if (!write_file(file, text, reterr))
                return false;
        *ret_file = g_steal_pointer(&file);
        return true;
}

/* What an editor left beside the file (a backup, for one) goes, too. */
static void remove_directory(const EditFile *file)
{
        int fd = openat(file->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *each;

        while (directory && (each = readdir(directory)))
                (void) unlinkat(file->directory_fd, each->d_name, 0);
        if (directory)
                closedir(directory);
        else if (fd >= 0)
                close(fd);
        if (is_in_place(file))
                (void) rmdir(file->directory);
}

EditFile *edit_file_free(EditFile *file)
{
        if (!file)
                return NULL;

        if (file->directory_fd >= 0) {
                if (!file->is_kept)
                        remove_directory(file);
                close(file->directory_fd);
        }
        g_free(file->name);
        g_free(file->path);
        g_free(file->original);
        g_free(file->directory);
        g_free(file);
        return NULL;
}

/* As it is given to the shell: with options, perhaps. */
static const char *find_editor(void)
{
        static const char *const variables[] = { "VISUAL", "EDITOR" };
        static const char *const programs[] = { "editor", "nano", "vi" };

        for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
                const char *value = g_getenv(variables[i]);

                if (value && *value)
                        return value;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
                g_autofree char *found = g_find_program_in_path(programs[i]);

                if (found)
                        return programs[i];
        }
        return NULL;
}

/* The shell is to be gone where it can: it would end at a ^C that is meant for the editor. */
static char *command_of(const char *editor)
{
        return g_strdup_printf("%s%s \"$@\"", strpbrk(editor, "=;&|") ? "" : "exec ", editor);
}

static gboolean run_editor(const EditFile *file, Interrupt *interrupt, Failure **reterr)
{
        const char *editor = find_editor();
        g_autofree char *command = editor ? command_of(editor) : NULL;
        const char *const argv[] = { "sh", "-c", command, "sh", file->path, NULL };
        ChildSpec spec = CHILD_SPEC_INIT;
        pid_t pid;
        int status;

        if (!editor) {
                failure_set(reterr, EXIT_OTHER, "There is no editor");
                failure_set_hint(*reterr, "Name one in $EDITOR.");
                return false;
        }

        spec.argv = argv;
        interrupt_hold(interrupt);
        if (!child_start(&spec, &pid, reterr)) {
                interrupt_release(interrupt);
                return false;
        }
        status = child_wait(pid);
        interrupt_release(interrupt);
        if (status != 0)
                return failure_set(reterr, EXIT_OTHER, "The editor (%s) ended with status %d",
                                   editor, status);
        return true;
}

static gboolean read_file(const EditFile *file, GBytes **ret_text, Failure **reterr)
{
        gboolean is_read;
        struct stat status;
        int fd;

        if (!check_place(file, reterr))
                return false;
        fd = openat(file->directory_fd, file->name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return fail(file->path, errno, reterr);

        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                is_read = failure_set(reterr, EXIT_OTHER, "%s: not a regular file", file->path);
        else
                is_read =
                        input_file_read_fd(fd, file->path, INPUT_FILE_BYTES_MAX, ret_text, reterr);
        close(fd);
        return is_read;
}

static bool is_original(const EditFile *file, GBytes *text)
{
        gsize n_bytes;
        const void *bytes = g_bytes_get_data(text, &n_bytes);

        return n_bytes == strlen(file->original) && memcmp(bytes, file->original, n_bytes) == 0;
}

gboolean edit_file_run(EditFile *file,
                       Interrupt *interrupt,
                       GBytes **ret_text,
                       bool *ret_is_changed,
                       Failure **reterr)
{
        if (!run_editor(file, interrupt, reterr) || !read_file(file, ret_text, reterr))
                return false;

        *ret_is_changed = !is_original(file, *ret_text);
        return true;
}

void edit_file_keep(EditFile *file, Failure *failure)
{
        g_autoptr(GBytes) text = NULL;
        g_autoptr(Failure) unread = NULL;
        g_autofree char *hint = NULL;

        if (read_file(file, &text, &unread) && is_original(file, text))
                return;

        file->is_kept = true;
        hint = g_steal_pointer(&failure->hint);
        failure_set_hint(failure, "%s%sYour text is kept in %s", hint ? hint : "", hint ? "\n" : "",
                         file->path);
}
