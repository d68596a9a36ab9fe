/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declaration files
 */

#include "declaration-files.h"

#include "complaints.h"
#include "declaration-file.h"
#include "util/conf-file.h"
#include "util/log.h"

#include <errno.h>
#include <stdbool.h>

/* Of one file, so many errors are logged. */
#define LOGGED_MAX 32u

typedef struct Loading {
        const Limits *limits;
        Declarations *before;
        Declarations *loaded;
        GPtrArray *errors;
} Loading;

/* Logs what has been added to the errors from @n_before on. */
static void log_errors(const Loading *loading, const char *path, guint n_before)
{
        guint n = loading->errors->len - n_before;

        for (guint i = 0; i < MIN(n, LOGGED_MAX); i++)
                log_record(LOG_ERR, LOG_FIELDS(LOG_FILE(path)), "%s",
                           (const char *) loading->errors->pdata[n_before + i]);
        if (n > LOGGED_MAX)
                log_record(LOG_ERR, LOG_FIELDS(LOG_FILE(path)), "%s: %u more errors", path,
                           n - LOGGED_MAX);
}

static void keep(const Loading *loading, const char *name, Declaration *declaration)
{
        declarations_put(loading->loaded, name, declaration_ref(declaration));
}

static void keep_of_wrong_file(const Loading *loading, const char *path)
{
        g_autofree char *name = declaration_file_name(path);
        Declaration *declaration = name ? declarations_lookup(loading->before, name) : NULL;

        if (!declaration)
                return;

        keep(loading, name, declaration);
        log_warning("%s: what was declared before stays in force", path);
}

static gboolean load_file(gpointer unused G_GNUC_UNUSED, gpointer path, gpointer userdata)
{
        const Loading *loading = userdata;
        g_autoptr(Declaration) declaration = NULL;
        g_autofree char *name = NULL;
        guint n_before = loading->errors->len;
        Declaration *before;
        int r;

        r = declaration_file_load(path, loading->limits, loading->errors, &name, &declaration);
        if (r == DECLARATION_FILE_E_WRONG) {
                log_errors(loading, path, n_before);
                keep_of_wrong_file(loading, path);
        }
        if (r != 0)
                return FALSE;

        /* One that says the same is the same, so that nothing is told of it. */
        before = declarations_lookup(loading->before, name);
        keep(loading, name,
             before && declaration_equal(before, declaration) ? before : declaration);
        return FALSE;
}

static gboolean keep_unless_loaded(gpointer name, gpointer declaration, gpointer userdata)
{
        const Loading *loading = userdata;

        if (!declarations_lookup(loading->loaded, name))
                keep(loading, name, declaration);
        return FALSE;
}

/* Whether all files there may be in @directory have been added to @files. */
static bool find_files(const Loading *loading, GTree *files, const char *directory)
{
        const Complaints complaints = { directory, loading->errors };
        guint n_before = loading->errors->len;
        int r;

        r = conf_files_add(files, directory, LIMIT_DECLARATION_FILES);
        if (r == 0)
                return true;

        if (r == -E2BIG)
                complaints_add(&complaints, 0,
                               "there are more than %u files, the others are left out",
                               LIMIT_DECLARATION_FILES);
        else
                complaints_add(&complaints, 0, "the directory cannot be read: %s", g_strerror(-r));
        log_errors(loading, directory, n_before);
        return false;
}

Declarations *declaration_files_load(const char *const *directories,
                                     const Limits *limits,
                                     Declarations *before,
                                     GPtrArray *errors)
{
        static const char *const standard[] = { "/usr/lib/regent/namespaces.d",
                                                "/etc/regent/namespaces.d",
                                                "/run/regent/namespaces.d", NULL };
        g_autoptr(GTree) files = conf_files_new();
        const Loading loading = { limits, before, declarations_new(), errors };
        bool is_complete = true;

        for (directories = directories ? directories : standard; *directories; directories++)
                if (!find_files(&loading, files, *directories))
                        is_complete = false;

        g_tree_foreach(files, load_file, (gpointer) (uintptr_t) &loading);
        if (!is_complete)
                g_tree_foreach(declarations_all(before), keep_unless_loaded,
                               (gpointer) (uintptr_t) &loading);
        return loading.loaded;
}
