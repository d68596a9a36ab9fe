/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options
 *
 * The table is the one place that knows the options: the parser, the help, the check against the
 * verb and completion all read it.
 */

#include "options.h"

#include "nearest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
        KIND_FLAG,
        KIND_TEXT,
        KIND_FILE,
        KIND_TEXTS,
        KIND_JSON,
        KIND_JSON_AUTO,
        KIND_TIMEOUT,
        KIND_SPAN,
};

#define TIMEOUT_USEC_DEFAULT (INT64_C(25) * G_USEC_PER_SEC)
#define TIMEOUT_SECONDS_MAX  86400
#define TIMEOUT_USEC_MIN     INT64_C(1000)

#define SPAN_USEC_MAX (INT64_C(3600) * G_USEC_PER_SEC)

#define CHANGE_VERBS  "set apply"
#define ACCESS_VERBS  "create access"
#define OFFLINE_VERBS "verify dump load recover"
#define COMMAND_VERBS "watch participate" /* what follows "--" is a command */

#define OPTION(field, option_kind) .kind = (option_kind), .offset = offsetof(Options, field)

const OptionSpec option_specs[] = {
        { "type", "SIGNATURE", "set apply wait", "D-Bus type of the value, such as u, s or as", 't',
          OPTION(type, KIND_TEXT) },
        { "from-file", "FILE", "set", "Take bytes from FILE, or from standard input (-)", 0,
          OPTION(from_file, KIND_FILE) },
        { "raw", NULL, "get", "Print exactly the bytes of the value", 0,
          OPTION(is_raw, KIND_FLAG) },
        { "default", "TEXT", "get", "Print TEXT when there is no such key or namespace", 0,
          OPTION(default_value, KIND_TEXT) },
        { "prefix", "PREFIX", "get list monitor", "Only keys that begin with PREFIX", 0,
          OPTION(prefix, KIND_TEXT) },
        { "prefix", "PREFIX", "watch", "All namespaces whose names begin with PREFIX", 0,
          OPTION(prefix, KIND_TEXT) },
        { "since", "POSITION", "watch", "Go on from where an earlier watch was", 0,
          OPTION(since, KIND_TEXT) },
        { "count", "N", "watch", "End after N changes", 0, OPTION(count, KIND_TEXT) },
        { "exec", NULL, "watch", "Run CMD for each change, the JSON on its input", 0,
          OPTION(is_exec, KIND_FLAG) },
        { "absent", NULL, "wait", "Until the key is not there", 0, OPTION(is_absent, KIND_FLAG) },
        { "timeout", "TIME", "wait", "Give up after TIME (30s, 5min) [never]", 0,
          OPTION(timeout_usec, KIND_TIMEOUT) },
        { "optional", NULL, "participate", "Without this participant changes go on", 0,
          OPTION(is_optional, KIND_FLAG) },
        { "timeout", "TIME", "participate", "What CMD has to answer, up to 10s [5s]", 0,
          OPTION(timeout_usec, KIND_TIMEOUT) },
        { "connections", NULL, "status", "Show what each connection has unread", 0,
          OPTION(is_connections, KIND_FLAG) },
        { "changed", NULL, "get list", "Only keys that differ from their default", 0,
          OPTION(is_changed, KIND_FLAG) },
        { "file", "FILE", "apply", "Take the changes from FILE, or standard input (-)", 'f',
          OPTION(file, KIND_FILE) },
        { "unset", "KEY", "apply", "Remove KEY (may be given again)", 0,
          OPTION(unset, KIND_TEXTS) },
        { "expect", "KEY=REVISION", "apply", "Only if KEY has this revision; 0: is not there", 0,
          OPTION(expect, KIND_TEXTS) },
        { "create-only", NULL, CHANGE_VERBS, "Only if no key is there yet", 0,
          OPTION(is_create_only, KIND_FLAG) },
        { "change-only", NULL, CHANGE_VERBS, "Only if every key is there already", 0,
          OPTION(is_change_only, KIND_FLAG) },
        { "class", "CLASS", CHANGE_VERBS, "persistent, kernel or runtime, see the manual", 0,
          OPTION(entry_class, KIND_TEXT) },
        { "release", "RELEASE", "set apply delete get list",
          "What the key has for that kernel; '': for none", 0, OPTION(release, KIND_TEXT) },
        { "all-releases", NULL, "list", "Also what is hidden, with its kernel release", 0,
          OPTION(is_all_releases, KIND_FLAG) },
        { "modules-dir", "DIR", "prune-kernels", "Where kernels are installed [/lib/modules]", 0,
          OPTION(modules_dir, KIND_FILE) },
        { "reason", "TEXT", "set apply load edit delete reset prune-kernels",
          "Why, for the journal of regentd", 0, OPTION(reason, KIND_TEXT) },
        { "durability", "HOW", "set apply load edit delete reset",
          "sync: on disk when done; lazy: seconds later", 0, OPTION(durability, KIND_TEXT) },
        { "confirm-timeout", "TIME", "set apply delete",
          "Undo it after TIME (30s, 5min) unless confirmed", 0, OPTION(confirm_usec, KIND_SPAN) },
        { "dry-run", NULL, "apply load reset recover prune-kernels",
          "Say what would change, and change nothing", 'n', OPTION(is_dry_run, KIND_FLAG) },
        { "atomic", NULL, "load reset", "As one commit, or not at all", 0,
          OPTION(is_atomic, KIND_FLAG) },
        { "prune", NULL, "load", "Also remove keys that the file lacks", 0,
          OPTION(is_prune, KIND_FLAG) },
        { "if-exists", NULL, "delete remove", "Pass over what is not there", 0,
          OPTION(is_if_exists, KIND_FLAG) },
        { "force", NULL, "remove dump recover backup",
          "Even if it holds keys, is damaged, or is there", 0, OPTION(is_force, KIND_FLAG) },
        { "state-dir", "DIR", OFFLINE_VERBS, "The files of this state directory, without regentd",
          0, OPTION(state_dir, KIND_FILE) },
        { "runtime-dir", "DIR", OFFLINE_VERBS, "The runtime directory beside --state-dir=", 0,
          OPTION(runtime_dir, KIND_FILE) },
        { "from", "SOURCE", "recover", "A backup, a directory, or last-known-good", 0,
          OPTION(from, KIND_FILE) },
        { "owner", "USER", ACCESS_VERBS, "Name or uid of the owner", 0, OPTION(owner, KIND_TEXT) },
        { "group", "GROUP", ACCESS_VERBS, "Name or gid of the group, or none", 0,
          OPTION(group, KIND_TEXT) },
        { "mode", "MODE", ACCESS_VERBS, "Permissions in octal, as of a file: 0644", 0,
          OPTION(mode, KIND_TEXT) },
        { "quota-keys", "N", ACCESS_VERBS, "Keys it may hold; 0: as configured", 0,
          OPTION(quota_keys, KIND_TEXT) },
        { "quota-bytes", "N", ACCESS_VERBS, "Bytes it may hold, with K, M, G; 0: as configured", 0,
          OPTION(quota_bytes, KIND_TEXT) },

        { "json", "MODE", NULL, "Print JSON: pretty, short, or off", 0, OPTION(json, KIND_JSON) },
        { "", NULL, NULL, "--json=pretty on a terminal, else --json=short", 'j',
          OPTION(json, KIND_JSON_AUTO) },
        { "quiet", NULL, NULL, "Print nothing but what was asked for", 'q',
          OPTION(is_quiet, KIND_FLAG) },
        { "no-legend", NULL, NULL, "Print no header", 0, OPTION(is_without_legend, KIND_FLAG) },
        { "no-pager", NULL, NULL, "Do not start a pager", 0, OPTION(is_without_pager, KIND_FLAG) },
        { "no-ask-password", NULL, NULL, "Do not ask for passwords", 0,
          OPTION(is_without_password, KIND_FLAG) },
        { "timeout", "SECONDS", NULL, "How long to wait for an answer [25]", 0,
          OPTION(timeout_usec, KIND_TIMEOUT) },
        { "host", "[USER@]HOST", NULL, "Ask the regentd of another machine, by ssh", 'H',
          OPTION(host, KIND_TEXT) },
        { "address", "ADDRESS", NULL, "Use this bus in place of the system bus", 0,
          OPTION(address, KIND_TEXT) },
        { "help", NULL, NULL, "Show this help, or that of a verb", 'h',
          OPTION(is_help, KIND_FLAG) },
        { "version", NULL, NULL, "Show the version", 0, OPTION(is_version, KIND_FLAG) },
        {},
};

const OptionSpec *option_find_long(const char *name, size_t n_bytes)
{
        for (const OptionSpec *spec = option_specs; spec->name; spec++)
                if (n_bytes > 0 && strlen(spec->name) == n_bytes &&
                    strncmp(spec->name, name, n_bytes) == 0)
                        return spec;
        return NULL;
}

const OptionSpec *option_find_short(char letter)
{
        for (const OptionSpec *spec = option_specs; spec->name; spec++)
                if (spec->letter == letter)
                        return spec;
        return NULL;
}

static gboolean set_json(const char *argument, JsonMode *ret_json, Failure **reterr)
{
        g_assert(argument);

        if (strcmp(argument, "pretty") == 0)
                *ret_json = JSON_PRETTY;
        else if (strcmp(argument, "short") == 0)
                *ret_json = JSON_SHORT;
        else if (strcmp(argument, "off") == 0)
                *ret_json = JSON_OFF;
        else
                return failure_set(reterr, EXIT_USAGE,
                                   "--json= takes pretty, short or off, not '%s'", argument);
        return TRUE;
}

/* Microseconds of a number, of seconds when no unit follows; or -1. */
static int64_t read_span(const char *argument, int64_t usec_max)
{
        static const struct {
                const char *unit;
                int64_t usec;
        } units[] = {
                { "", G_USEC_PER_SEC },
                { "s", G_USEC_PER_SEC },
                { "ms", G_USEC_PER_SEC / 1000 },
                { "m", INT64_C(60) * G_USEC_PER_SEC },
                { "min", INT64_C(60) * G_USEC_PER_SEC },
                { "h", INT64_C(3600) * G_USEC_PER_SEC },
        };
        char *end = NULL;
        double number;

        g_assert(argument);

        number = g_ascii_strtod(argument, &end);
        for (size_t i = 0; end != argument && i < G_N_ELEMENTS(units); i++) {
                double usec = number * (double) units[i].usec;

                if (strcmp(end, units[i].unit) != 0 || !(usec >= 1 && usec <= (double) usec_max))
                        continue;
                return (int64_t) usec;
        }
        return -1;
}

static gboolean set_timeout(const char *argument, int64_t *ret_usec, Failure **reterr)
{
        int64_t usec = read_span(argument, TIMEOUT_SECONDS_MAX * (int64_t) G_USEC_PER_SEC);

        if (usec < 0)
                return failure_set(reterr, EXIT_USAGE,
                                   "--timeout= takes seconds, or a time such as 5min, up to %d s, "
                                   "not '%s'",
                                   TIMEOUT_SECONDS_MAX, argument);
        *ret_usec = MAX(usec, TIMEOUT_USEC_MIN);
        return TRUE;
}

static void add_text(char ***texts, const char *argument)
{
        guint n_texts = *texts ? g_strv_length(*texts) : 0;

        *texts = g_renew(char *, *texts, n_texts + 2);
        (*texts)[n_texts] = g_strdup(argument);
        (*texts)[n_texts + 1] = NULL;
}

static gboolean set_option(Options *options,
                           const OptionSpec *spec,
                           const char *argument,
                           Failure **reterr)
{
        void *field = (char *) options + spec->offset;

        /* Strings of D-Bus hold nothing else; names of files never go there. */
        if (argument && spec->kind != KIND_FILE && !g_utf8_validate(argument, -1, NULL))
                return failure_set(reterr, EXIT_INVALID, "--%s=%s: not UTF-8", spec->name,
                                   argument);
        g_array_append_val(options->given, spec);
        switch (spec->kind) {
        case KIND_FLAG:
                *(gboolean *) field = TRUE;
                return TRUE;
        case KIND_TEXT:
        case KIND_FILE:
                g_free(*(char **) field);
                *(char **) field = g_strdup(argument);
                return TRUE;
        case KIND_TEXTS:
                add_text(field, argument);
                return TRUE;
        case KIND_JSON:
                return set_json(argument, field, reterr);
        case KIND_JSON_AUTO:
                *(JsonMode *) field = isatty(STDOUT_FILENO) ? JSON_PRETTY : JSON_SHORT;
                return TRUE;
        case KIND_TIMEOUT:
                return set_timeout(argument, field, reterr);
        case KIND_SPAN:
                *(int64_t *) field = read_span(argument, SPAN_USEC_MAX);
                return TRUE;
        default:
                g_assert_not_reached();
        }
}

static gboolean fail_unknown_option(const char *word, size_t n_bytes, Failure **reterr)
{
        g_autofree char *name = g_strndup(word, n_bytes);
        const char *nearest = NULL;
        Nearest search;

        nearest_init(&search, name);
        for (const OptionSpec *spec = option_specs; spec->name; spec++)
                nearest_consider(&search, spec->name);
        nearest = nearest_found(&search);

        failure_set(reterr, EXIT_USAGE, "There is no option --%s", name);
        if (nearest)
                failure_set_hint(*reterr, "Did you mean --%s?", nearest);
        return FALSE;
}

/* Takes an option that begins at @at; moves @at to its last word. */
static gboolean parse_long(Options *options, char ***at, Failure **reterr)
{
        const char *word = **at + 2;
        size_t n_bytes = strcspn(word, "=");
        const char *argument = word[n_bytes] == '=' ? word + n_bytes + 1 : NULL;
        const OptionSpec *spec = option_find_long(word, n_bytes);

        if (!spec)
                return fail_unknown_option(word, n_bytes, reterr);
        if (!spec->argument && argument)
                return failure_set(reterr, EXIT_USAGE, "--%s takes no argument", spec->name);
        if (spec->argument && !argument) {
                if (!(*at)[1])
                        return failure_set(reterr, EXIT_USAGE, "--%s= takes an argument, %s",
                                           spec->name, spec->argument);
                argument = *++*at;
        }
        return set_option(options, spec, argument, reterr);
}

/* Letters may be put together: -qj. An argument is what follows in the word, or else the next word. */
static gboolean parse_short(Options *options, char ***at, Failure **reterr)
{
        for (const char *letter = **at + 1; *letter; letter++) {
                const OptionSpec *spec = option_find_short(*letter);
                const char *argument = letter + 1;

                if (!spec)
                        return failure_set(reterr, EXIT_USAGE, "There is no option '%s'", **at);
                if (!spec->argument) {
                        if (!set_option(options, spec, NULL, reterr))
                                return FALSE;
                        continue;
                }
                if (*argument == '\0') {
                        if (!(*at)[1])
                                return failure_set(reterr, EXIT_USAGE, "-%c takes an argument, %s",
                                                   spec->letter, spec->argument);
                        argument = *++*at;
                }
                return set_option(options, spec, argument, reterr);
        }
        return TRUE;
}

static bool is_option(const char *word)
{
        if (word[0] != '-' || word[1] == '\0')
                return false;
        if (word[1] == '.')
                return !g_ascii_isdigit(word[2]);
        return !g_ascii_isdigit(word[1]);
}

static gboolean check_together(const Options *options, Failure **reterr)
{
        if (options->address && options->host)
                return failure_set(reterr, EXIT_USAGE, "--address= and --host= exclude each other");
        if (options->release && (options->is_all_releases || options->is_changed))
                return failure_set(reterr, EXIT_USAGE,
                                   "--release= does not go with --all-releases or --changed");
        if (options->is_all_releases && options->is_changed)
                return failure_set(reterr, EXIT_USAGE,
                                   "--all-releases and --changed exclude each other");
        if (g_strcmp0(options->entry_class, "session") == 0)
                return failure_set(
                        reterr, EXIT_REFUSED,
                        "--class=session: what is of that class goes with the connection "
                        "that sets it, and regentctl's own ends right away");
        if (options->is_create_only && options->is_change_only)
                return failure_set(reterr, EXIT_USAGE,
                                   "--create-only and --change-only exclude each other");
        return TRUE;
}

/* Whether @word is one of @words, which have spaces between. */
static bool has_word(const char *words, const char *word)
{
        size_t n_bytes = strlen(word);

        for (const char *at = words; *at; at += strspn(at, " ")) {
                size_t n_word = strcspn(at, " ");

                if (n_word == n_bytes && strncmp(at, word, n_bytes) == 0)
                        return true;
                at += n_word;
        }
        return false;
}

/* The first failure is the one that is told. */
static void parse_option(Options *options, char ***at, Failure **first)
{
        g_autoptr(Failure) failure = NULL;
        gboolean is_read = (**at)[1] == '-' ? parse_long(options, at, &failure)
                                            : parse_short(options, at, &failure);

        if (!is_read && !*first)
                *first = g_steal_pointer(&failure);
}

/* What follows "--": a command where the verb takes one, else words like those before. */
static void take_rest(Options *options, GPtrArray *words, char **rest)
{
        if (words->len > 0 && has_word(COMMAND_VERBS, words->pdata[0]))
                options->command = g_strdupv(rest);
        else
                for (; *rest; rest++)
                        g_ptr_array_add(words, g_strdup(*rest));
}

gboolean options_parse(char **argv, Options *ret_options, Failure **reterr)
{
        Options options = { .timeout_usec = TIMEOUT_USEC_DEFAULT,
                            .given = g_array_new(FALSE, FALSE, sizeof(OptionSpec *)) };
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        Failure *failure = NULL;

        for (char **at = argv + 1; *at; at++) {
                if (!is_option(*at)) {
                        g_ptr_array_add(words, g_strdup(*at));
                } else if (strcmp(*at, "--") != 0) {
                        parse_option(&options, &at, &failure);
                } else {
                        take_rest(&options, words, at + 1);
                        break;
                }
        }
        if (!failure)
                check_together(&options, &failure);

        if (words->len > 0)
                options.verb = g_ptr_array_steal_index(words, 0);
        g_ptr_array_add(words, NULL);
        options.arguments = (char **) g_ptr_array_steal(words, NULL);

        *ret_options = options;
        if (failure)
                *reterr = failure;
        return !failure;
}

bool option_goes_with(const OptionSpec *spec, const char *verb)
{
        return !spec->verbs || has_word(spec->verbs, verb);
}

const OptionSpec *option_find_for(const char *name, const char *verb)
{
        const OptionSpec *found = NULL;

        for (const OptionSpec *spec = option_specs; spec->name; spec++)
                if (strcmp(spec->name, name) == 0 && option_goes_with(spec, verb) &&
                    (!found || spec->verbs))
                        found = spec;
        return found;
}

bool options_have(const Options *options, const char *name)
{
        for (guint i = 0; i < options->given->len; i++)
                if (strcmp(g_array_index(options->given, const OptionSpec *, i)->name, name) == 0)
                        return true;
        return false;
}

gboolean options_check_verb(const Options *options, const char *verb, Failure **reterr)
{
        for (guint i = 0; i < options->given->len; i++) {
                const OptionSpec *spec = g_array_index(options->given, const OptionSpec *, i);

                if (option_find_for(spec->name, verb))
                        continue;
                failure_set(reterr, EXIT_USAGE, "--%s does not go with '%s'", spec->name, verb);
                failure_set_hint(*reterr, "It goes with: %s. See 'regentctl %s --help'.",
                                 spec->verbs, verb);
                return FALSE;
        }
        if (options->confirm_usec < 0)
                return failure_set(reterr, EXIT_USAGE,
                                   "--confirm-timeout= takes a time such as 30s or 5min, up to 1h");
        return TRUE;
}

void options_clear(Options *options)
{
        for (const OptionSpec *spec = option_specs; spec->name; spec++) {
                void *field = (char *) options + spec->offset;

                if (spec->kind == KIND_TEXT || spec->kind == KIND_FILE)
                        g_clear_pointer((char **) field, g_free);
                else if (spec->kind == KIND_TEXTS)
                        g_clear_pointer((char ***) field, g_strfreev);
        }
        g_clear_pointer(&options->given, g_array_unref);
        g_clear_pointer(&options->verb, g_free);
        g_clear_pointer(&options->arguments, g_strfreev);
        g_clear_pointer(&options->command, g_strfreev);
}
