/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Options
 *
 * The command line, once it is read. One table in options.c says for each option what it is called,
 * what it takes and with which verbs it goes; help and the check of a command line come from it.
 */

#include "failure.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum JsonMode { JSON_OFF, JSON_SHORT, JSON_PRETTY } JsonMode;

typedef struct Options {
        /* Where regentd is: none given is the system bus. */
        char *address;
        char *host;
        int64_t timeout_usec;         /* of one call */
        gboolean is_without_password; /* --no-ask-password */

        /* How it prints. */
        JsonMode json;
        gboolean is_without_pager;
        gboolean is_without_legend;
        gboolean is_quiet;

        /* What the verbs take; options.c says which. */
        char *type;              /* --type=SIGNATURE */
        char *from_file;         /* --from-file=FILE, "-" for standard input */
        gboolean is_raw;         /* --raw */
        char *default_value;     /* --default= */
        char *prefix;            /* --prefix= of keys; with watch: of namespaces */
        gboolean is_changed;     /* --changed: what differs from the declared default */
        gboolean is_connections; /* --connections: those of regentd's callers */
        gboolean is_if_exists;
        gboolean is_dry_run;
        gboolean is_create_only;
        gboolean is_change_only;
        gboolean is_atomic;
        gboolean is_prune;
        gboolean is_force; /* remove: also when not empty */
        char **expect;     /* --expect=[NS:]KEY=REVISION, repeatable */
        char *entry_class; /* --class= */
        char *release;     /* --release= of a kernel; "": none; NULL: not given */
        gboolean is_all_releases;
        char *modules_dir; /* --modules-dir=DIR */
        char *reason;
        char *durability;     /* --durability= */
        int64_t confirm_usec; /* --confirm-timeout=TIME; 0: none; -1: not to be read */
        char **unset;         /* --unset=[NS:]KEY, repeatable */
        char *owner;          /* name or uid */
        char *group;          /* name, gid, or "none" */
        char *mode;           /* octal */
        char *quota_keys;
        char *quota_bytes;    /* with K, M, G */
        char *file;           /* --file=FILE of changes for apply, "-" for standard input */
        char *state_dir;      /* --state-dir=: files in place of the service; NULL: not given */
        char *runtime_dir;    /* --runtime-dir=, beside it */
        char *from;           /* --from=SOURCE of recover */
        char *since;          /* --since=POSITION of watch */
        char *count;          /* --count=N of watch */
        gboolean is_exec;     /* --exec: the command is run for each change */
        gboolean is_absent;   /* --absent: until the key is not there */
        gboolean is_optional; /* --optional: changes go on without this participant */

        GArray *given; /* const OptionSpec *, of all that were given */
        gboolean is_help;
        gboolean is_version;
        char *verb;       /* NULL when there is none */
        char **arguments; /* after the verb; NULL at the end */
        char **command;   /* of a verb that takes one, what follows "--"; NULL: there is no "--" */
} Options;

typedef struct OptionSpec OptionSpec;

struct OptionSpec {
        const char *name;
        const char *argument; /* what it takes: "FILE"; NULL: nothing */
        const char *verbs;    /* those it goes with, with spaces between; NULL: all */
        const char *help;
        char letter; /* of the short form; 0: there is none */
        char kind;   /* options.c alone reads it */
        size_t offset;
};

/* Ends with an entry without a name. */
extern const OptionSpec option_specs[];

/*
 * Reads a command line. Options may stand anywhere up to "--"; a negative number is no option. That each option goes
 * with the verb is checked by options_check_verb(), once it is clear that there is such a verb. @ret_options is set
 * also when this fails, to what could be read: a failure is printed as --json= asks, wherever that stands.
 */
gboolean options_parse(char **argv, Options *ret_options, Failure **reterr);
gboolean options_check_verb(const Options *options, const char *verb, Failure **reterr);

/* By the name without dashes, or by the letter of the short form; NULL when there is none. */
const OptionSpec *option_find_long(const char *name, size_t n_bytes);
const OptionSpec *option_find_short(char letter);

bool option_goes_with(const OptionSpec *spec, const char *verb);

/* The entry of that name that counts with @verb: its own before one that goes with all. */
const OptionSpec *option_find_for(const char *name, const char *verb);

bool options_have(const Options *options, const char *name);

void options_clear(Options *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)
