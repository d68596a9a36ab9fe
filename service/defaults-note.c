/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Defaults note
 *
 * A first line, then "NAMESPACE CHECKSUM REVISION", the last line of a namespace counts; a namespace
 * without one has had no defaults. Lines are added, one write each, and now and then the file is made
 * anew. It is never synced, for it need not outlive the machine. A note that is not whole, or missing,
 * tells nothing, and then what was before the start is lost: so one that cannot be kept is removed.
 */

#include "defaults-note.h"

#include "core/history.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_NAME      "defaults"
#define FIRST_LINE     "# Checksums of declared defaults, 1\n"
#define LINES_SPARE    4096u
#define NOTE_BYTES_MAX (64 << 20)

typedef struct Recalled {
        char *checksum;
        uint64_t revision;
} Recalled;

struct DefaultsNote {
        char *path;
        State *state;
        GHashTable *
                recalled; /* name -> owned Recalled, while it begins; NULL: the note told nothing */
        int fd;           /* -1: there is no note */
        guint n_lines, n_lines_max;
};

DefaultsNote *defaults_note_new(const char *runtime_directory, State *state)
{
        DefaultsNote *note = g_new(DefaultsNote, 1);

        *note = (DefaultsNote){
                .path = g_build_filename(runtime_directory, NOTE_NAME, NULL),
                .state = state,
                .fd = -1,
        };
        return note;
}

static void close_file(DefaultsNote *note)
{
        if (note->fd >= 0)
                close(note->fd);
        note->fd = -1;
}

DefaultsNote *defaults_note_free(DefaultsNote *note)
{
        if (!note)
                return NULL;

        close_file(note);
        g_clear_pointer(&note->recalled, g_hash_table_unref);
        g_free(note->path);
        g_free(note);
        return NULL;
}

static void recalled_free(gpointer userdata)
{
        Recalled *recalled = userdata;

        g_free(recalled->checksum);
        g_free(recalled);
}

static bool take_line(GHashTable *recalled, const char *line)
{
        g_auto(GStrv) words = g_strsplit(line, " ", 4);
        guint64 revision;
        Recalled *one;

        if (g_strv_length(words) != 3 ||
            !g_ascii_string_to_unsigned(words[2], 10, 0, UINT64_MAX, &revision, NULL))
                return false;

        one = g_new(Recalled, 1);
        *one = (Recalled){ g_strdup(words[1]), revision };
        g_hash_table_replace(recalled, g_strdup(words[0]), one);
        return true;
}

/* NULL: it tells nothing. */
static GHashTable *parse(char *text, size_t n_bytes)
{
        g_autoptr(GHashTable) recalled =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, recalled_free);

        if (n_bytes == 0 || strlen(text) != n_bytes || !g_str_has_prefix(text, FIRST_LINE) ||
            text[n_bytes - 1] != '\n')
                return NULL;

        for (char *line = text + strlen(FIRST_LINE), *end; *line; line = end + 1) {
                end = strchr(line, '\n');
                *end = '\0';
                if (!take_line(recalled, line))
                        return NULL;
        }
        return g_steal_pointer(&recalled);
}

/* Owned, with a final NUL; NULL: nothing that can be read. */
static char *read_whole(int fd, size_t *ret_n_bytes)
{
        g_autofree char *text = NULL;
        size_t n_bytes = 0;
        struct stat st;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > NOTE_BYTES_MAX)
                return NULL;

        text = g_malloc((size_t) st.st_size + 1);
        while (n_bytes < (size_t) st.st_size) {
                ssize_t n = read(fd, text + n_bytes, (size_t) st.st_size - n_bytes);

                if (n <= 0)
                        return NULL;
                n_bytes += (size_t) n;
        }
        text[n_bytes] = '\0';
        *ret_n_bytes = n_bytes;
        return g_steal_pointer(&text);
}

/* Whatever may be there in its place must not keep the service from starting. */
static void read_file(DefaultsNote *note)
{
        int fd = open(note->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        g_autofree char *text = NULL;
        size_t n_bytes;

        if (fd < 0)
                return;
        text = read_whole(fd, &n_bytes);
        close(fd);
        if (text)
                note->recalled = parse(text, n_bytes);
}

static bool recall(void *userdata,
                   const char *ns_name,
                   const char **ret_checksum,
                   uint64_t *ret_revision)
{
        const DefaultsNote *note = userdata;
        const Recalled *one;

        if (!note->recalled)
                return false;

        one = g_hash_table_lookup(note->recalled, ns_name);
        *ret_checksum = one ? one->checksum : "-";
        *ret_revision = one ? one->revision : 0;
        return true;
}

static void give_up(DefaultsNote *note, int error)
{
        close_file(note);
        if (unlink(note->path) < 0 && errno != ENOENT)
                error = errno;
        log_record(LOG_WARNING, LOG_FIELDS(LOG_ERRNO(-error), LOG_FILE(note->path)),
                   "%s cannot be kept, so that the next start knows less of what has changed: %s",
                   note->path, g_strerror(error));
}

static char *line_of(const Namespace *ns)
{
        g_autofree char *checksum = declaration_fallbacks_checksum(ns->declaration);

        return g_strdup_printf("%s %s %" PRIu64 "\n", ns->name, checksum, ns->defaults_revision);
}

static gboolean add_line(gpointer name G_GNUC_UNUSED, gpointer value, gpointer text)
{
        const Namespace *ns = value;
        g_autofree char *line = NULL;

        /* What is before the horizon is lost anyway. */
        if ((!ns->declaration || ns->declaration->fallbacks->len == 0) &&
            ns->defaults_revision == 0)
                return FALSE;

        line = line_of(ns);
        g_string_append(text, line);
        return FALSE;
}

static int write_all(int fd, const char *text, size_t n_bytes)
{
        while (n_bytes > 0) {
                ssize_t n = write(fd, text, n_bytes);

                if (n < 0)
                        return -errno;
                text += n;
                n_bytes -= (size_t) n;
        }
        return 0;
}

/* Under another name first: a note that was cut must not look whole. */
static int replace_file(DefaultsNote *note, const GString *text)
{
        g_autofree char *draft = g_strconcat(note->path, ".new", NULL);
        int r;

        if (unlink(draft) < 0 && errno != ENOENT)
                return -errno;
        note->fd = open(draft, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (note->fd < 0)
                return -errno;

        r = write_all(note->fd, text->str, text->len);
        if (r == 0 && rename(draft, note->path) < 0)
                r = -errno;
        if (r < 0)
                (void) unlink(draft);
        return r;
}

static void write_anew(DefaultsNote *note)
{
        g_autoptr(GString) text = g_string_new(FIRST_LINE);
        int r;

        close_file(note);
        g_tree_foreach(state_namespaces(note->state), add_line, text);
        note->n_lines = 0;
        note->n_lines_max = LINES_SPARE + (guint) g_tree_nnodes(state_namespaces(note->state));
        r = replace_file(note, text);
        if (r < 0)
                give_up(note, -r);
}

static void on_defaults(void *userdata, const Namespace *ns)
{
        DefaultsNote *note = userdata;
        g_autofree char *line = NULL;
        ssize_t n;

        /* Before, for @ns may not be in the state yet. */
        if (note->fd >= 0 && note->n_lines++ >= note->n_lines_max)
                write_anew(note);
        if (note->fd < 0)
                return;

        line = line_of(ns);
        n = write(note->fd, line, strlen(line));
        if (n != (ssize_t) strlen(line))
                give_up(note, n < 0 ? errno : ENOSPC);
}

void defaults_note_begin(DefaultsNote *note, bool is_new_history)
{
        if (!is_new_history)
                read_file(note);
        history_resume_defaults(note->state, is_new_history ? NULL : recall, on_defaults, note);
        g_clear_pointer(&note->recalled, g_hash_table_unref);
        write_anew(note);
}
