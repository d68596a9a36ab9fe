/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verb
 *
 * What regentctl can do. main.c looks the verb up in the table of verb.c, checks the options against
 * it, and runs it.
 */

#include "context.h"

/* Any number of arguments */
#define VERB_ARGUMENTS_MANY G_MAXUINT

typedef struct Verb {
        const char *name;
        const char *synopsis; /* of what follows the name: "NAMESPACE KEY" */
        const char *summary;
        unsigned n_arguments_min;
        unsigned n_arguments_max;
        /* Returns the exit status, or -1 with a Failure. */
        int (*run)(Context *context, char **arguments, Failure **reterr);
        const char *details; /* more of its help; may be NULL */
        bool takes_files;    /* arguments may be names of files, which need not be UTF-8 */
        BusUse bus_use;
        bool is_hidden; /* neither help nor completion shows it */
} Verb;

/* Ends with an entry without a name. */
extern const Verb verbs[];

/* NULL when there is none. */
const Verb *verb_find(const char *name);

/* Whether there are as many arguments as it takes. */
gboolean verb_check_arguments(const Verb *verb, char **arguments, Failure **reterr);

int verb_status(Context *context, char **arguments, Failure **reterr);
int verb_namespaces(Context *context, char **arguments, Failure **reterr);
int verb_create(Context *context, char **arguments, Failure **reterr);
int verb_remove(Context *context, char **arguments, Failure **reterr);
int verb_access(Context *context, char **arguments, Failure **reterr);
int verb_get(Context *context, char **arguments, Failure **reterr);
int verb_set(Context *context, char **arguments, Failure **reterr);
int verb_delete(Context *context, char **arguments, Failure **reterr);
int verb_reset(Context *context, char **arguments, Failure **reterr);
int verb_list(Context *context, char **arguments, Failure **reterr);
int verb_describe(Context *context, char **arguments, Failure **reterr);
int verb_apply(Context *context, char **arguments, Failure **reterr);
int verb_confirm(Context *context, char **arguments, Failure **reterr);
int verb_cancel(Context *context, char **arguments, Failure **reterr);
int verb_dump(Context *context, char **arguments, Failure **reterr);
int verb_load(Context *context, char **arguments, Failure **reterr);
int verb_diff(Context *context, char **arguments, Failure **reterr);
int verb_edit(Context *context, char **arguments, Failure **reterr);
int verb_monitor(Context *context, char **arguments, Failure **reterr);
int verb_watch(Context *context, char **arguments, Failure **reterr);
int verb_wait(Context *context, char **arguments, Failure **reterr);
int verb_participate(Context *context, char **arguments, Failure **reterr);
int verb_reload(Context *context, char **arguments, Failure **reterr);
int verb_prune_kernels(Context *context, char **arguments, Failure **reterr);
int verb_flush(Context *context, char **arguments, Failure **reterr);
int verb_mark_good(Context *context, char **arguments, Failure **reterr);
int verb_restore(Context *context, char **arguments, Failure **reterr);
int verb_statistics(Context *context, char **arguments, Failure **reterr);
int verb_backup(Context *context, char **arguments, Failure **reterr);
int verb_verify(Context *context, char **arguments, Failure **reterr);
int verb_recover(Context *context, char **arguments, Failure **reterr);
int verb_check(Context *context, char **arguments, Failure **reterr);
int verb_help(Context *context, char **arguments, Failure **reterr);
int verb_complete(Context *context, char **arguments, Failure **reterr);
