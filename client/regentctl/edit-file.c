/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Edit file
 */

#include "edit-file.h"

#include "child.h"
#include "input-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct EditFile {
        char *directory;
        char *path; /* NULL before it is there */
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
        int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        gboolean is_written;

        if (fd < 0)
                return fail(file->path, errno, reterr);

        is_written = write_all(fd, text, file->path, reterr);
        if (close(fd) < 0 && is_written)
                return fail(file->path, errno, reterr);
        return is_written;
}

gboolean edit_file_new(const char *name, const char *text, EditFile **ret_file, Failure **reterr)
{
        const char *runtime_directory = g_getenv("XDG_RUNTIME_DIR");
        bool is_usable = runtime_directory && g_path_is_absolute(runtime_directory) &&
                         access(runtime_directory, W_OK) == 0;
        g_autoptr(EditFile) file = g_new0(EditFile, 1);

        file->directory =
                g_build_filename(is_usable ? runtime_directory : "/tmp", "regentctl-XXXXXX", NULL);
        if (!g_mkdtemp_full(file->directory, 0700)) {
                fail(file->directory, errno, reterr);
                g_clear_pointer(&file->directory, g_free);
                return false;
        }

        file->original = g_strdup(text);
        file->path = g_build_filename(file->directory, name, NULL);
        if (!write_file(file, text, reterr))
                return false;
        *ret_file = g_steal_pointer(&file);
        return true;
}

/* What an editor left beside the file (a backup, for one) goes, too. */
static void remove_directory(const char *path)
{
        g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
        const char *name;

        while (directory && (name = g_dir_read_name(directory))) {
                g_autofree char *each = g_build_filename(path, name, NULL);

                (void) unlink(each);
        }
        (void) rmdir(path);
}

EditFile *edit_file_free(EditFile *file)
{
        if (!file)
                return NULL;

        if (file->directory && !file->is_kept)
                remove_directory(file->directory);
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
        if (!run_editor(file, interrupt, reterr) ||
            !input_file_read(file->path, INPUT_FILE_BYTES_MAX, ret_text, reterr))
                return false;

        *ret_is_changed = !is_original(file, *ret_text);
        return true;
}

void edit_file_keep(EditFile *file, Failure *failure)
{
        g_autoptr(GBytes) text = NULL;
        g_autoptr(Failure) unread = NULL;
        g_autofree char *hint = NULL;

        if (input_file_read(file->path, INPUT_FILE_BYTES_MAX, &text, &unread) &&
            is_original(file, text))
                return;

        file->is_kept = true;
        hint = g_steal_pointer(&failure->hint);
        failure_set_hint(failure, "%s%sYour text is kept in %s", hint ? hint : "", hint ? "\n" : "",
                         file->path);
}
