/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declaration files
 *
 * Directories are looked into from the last to the first: so where there are too many files, those that
 * win over others stay, and which are left out does not depend on the order a directory gives them in.
 */

#include "declaration-files.h"

#include "complaints.h"
#include "declaration-file.h"
#include "util/conf-file.h"
#include "util/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Of one file, so many errors are logged. */
#define LOGGED_MAX 32u

typedef struct Loading {
        const Limits *limits;
        Declarations *before; /* NULL: this is the start */
        Declarations *loaded;
        GPtrArray *errors;
        GPtrArray *found; /* owned "FILE:LINE: text", of the file or directory being read */
        GTree *files;     /* owned name -> owned array of owned paths, the one that counts first */
        GHashTable *cut;  /* owned names of the files that are left out */
        bool is_incomplete; /* a directory could not be read */
} Loading;

static Declaration *lookup_before(const Loading *loading, const char *name)
{
        return loading->before ? declarations_lookup(loading->before, name) : NULL;
}

/* Logs what has been found wrong with @path, and keeps the first of it. */
static void tell_found(const Loading *loading, const char *path)
{
        GPtrArray *found = loading->found;

        for (guint i = 0; i < found->len; i++) {
                const char *text = found->pdata[i];

                if (i < LOGGED_MAX || i + 1 == found->len)
                        log_record(LOG_ERR, LOG_FIELDS(LOG_FILE(path)), "%s", text);
                else if (i == LOGGED_MAX)
                        log_record(LOG_ERR, LOG_FIELDS(LOG_FILE(path)),
                                   "%s has more errors: regentd --check-namespace= names them",
                                   path);
                if (loading->errors->len < DECLARATION_ERRORS_MAX)
                        g_ptr_array_add(loading->errors, g_strdup(text));
        }
        g_ptr_array_set_size(found, 0);
}

static void keep(const Loading *loading, const char *name, Declaration *declaration)
{
        declarations_put(loading->loaded, name, declaration_ref(declaration));
}

/* Whether no file of that name in an earlier directory is asked for. */
static bool load_file(const Loading *loading, const char *path)
{
        g_autofree char *named = declaration_file_name(path);
        Declaration *before = named ? lookup_before(loading, named) : NULL;
        g_autoptr(Declaration) declaration = NULL;
        g_autofree char *name = NULL;
        int r;

        r = declaration_file_load(path, loading->limits, loading->found, &name, &declaration);
        tell_found(loading, path);
        if (r == DECLARATION_FILE_E_MASKED)
                return true;
        if (r != 0 && !before)
                return false;

        if (r != 0)
                log_warning("%s: what was declared before stays in force", path);
        /* One that says the same is the same, so that nothing is told of it. */
        keep(loading, named,
             before && (r != 0 || declaration_equal(before, declaration)) ? before : declaration);
        return true;
}

static gboolean load_name(gpointer name G_GNUC_UNUSED, gpointer paths, gpointer userdata)
{
        const GPtrArray *candidates = paths;

        for (guint i = 0; i < candidates->len; i++)
                if (load_file(userdata, candidates->pdata[i]))
                        break;

        return FALSE;
}

/* Whether its file may be there all the same. */
static bool is_in_doubt(const Loading *loading, const char *name)
{
        g_autofree char *file = g_strconcat(name, ".conf", NULL);

        return g_hash_table_contains(loading->cut, file) ||
               (loading->is_incomplete && !g_tree_lookup(loading->files, file));
}

static gboolean keep_if_in_doubt(gpointer name, gpointer declaration, gpointer userdata)
{
        const Loading *loading = userdata;

        if (!declarations_lookup(loading->loaded, name) && is_in_doubt(loading, name))
                keep(loading, name, declaration);
        return FALSE;
}

/* Whether a directory that could not be read may mask @path, and what is declared is to stay. */
static bool may_be_masked(const Loading *loading, const char *path)
{
        g_autofree char *name = declaration_file_name(path);

        return loading->is_incomplete && loading->before && name && !lookup_before(loading, name);
}

static void paths_free(gpointer paths)
{
        g_ptr_array_unref(paths);
}

/* Whether there is room for it. */
static bool add_file(const Loading *loading, const char *directory, const char *file)
{
        GPtrArray *paths = g_tree_lookup(loading->files, file);
        g_autofree char *path = g_build_filename(directory, file, NULL);

        if (!paths && may_be_masked(loading, path))
                return true;
        if (!paths && g_tree_nnodes(loading->files) >= (int) LIMIT_DECLARATION_FILES) {
                g_hash_table_add(loading->cut, g_strdup(file));
                return false;
        }

        if (!paths) {
                paths = g_ptr_array_new_with_free_func(g_free);
                g_tree_insert(loading->files, g_strdup(file), paths);
        }
        g_ptr_array_add(paths, g_steal_pointer(&path));
        return true;
}

static void find_files(Loading *loading, const char *directory)
{
        g_autofree char *shown = complaints_show_path(directory);
        Complaints complaints = { shown, loading->found, 0 };
        g_autoptr(GPtrArray) files = NULL;
        bool is_cut = false;
        int r;

        r = conf_files_list(directory, &files);
        if (r < 0) {
                complaints_add(&complaints, 0, "the directory cannot be read: %s", g_strerror(-r));
                loading->is_incomplete = true;
        }

        for (guint i = 0; r == 0 && i < files->len; i++)
                if (!add_file(loading, directory, files->pdata[i]))
                        is_cut = true;
        if (is_cut)
                complaints_add(&complaints, 0,
                               "there are more than %u files, the others are left out",
                               LIMIT_DECLARATION_FILES);
        tell_found(loading, directory);
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

Declarations *declaration_files_load(const char *const *directories,
                                     const Limits *limits,
                                     Declarations *before,
                                     GPtrArray *errors)
{
        static const char *const standard[] = { "/usr/lib/regent/namespaces.d",
                                                "/etc/regent/namespaces.d",
                                                "/run/regent/namespaces.d", NULL };
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GTree) files = g_tree_new_full(compare_names, NULL, g_free, paths_free);
        g_autoptr(GHashTable) cut = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Loading loading = { limits, before, declarations_new(), errors, found, files, cut, false };

        if (!directories)
                directories = standard;
        for (guint i = g_strv_length((GStrv) (uintptr_t) directories); i-- > 0;)
                find_files(&loading, directories[i]);

        g_tree_foreach(files, load_name, &loading);
        if (before)
                g_tree_foreach(declarations_all(before), keep_if_in_doubt, &loading);
        return loading.loaded;
}
