/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl complete
 *
 * What shells ask when Tab is pressed: 'regentctl complete -- WORD...' prints what the last WORD may
 * become, a line each, with a tab and a description where there is one. "<files>", "<users>",
 * "<groups>" and "<hosts>" stand for what a shell knows by itself. Verbs, options and what they take
 * come from the tables of verb.c and options.c, so they cannot drift from them; namespaces and keys
 * from regentd. It asks for no password, takes about a second at most, and is silent about failures.
 */

#include "verb.h"

#include <string.h>

#define CALL_TIMEOUT_USEC (G_USEC_PER_SEC / 3)
#define CANDIDATES_MAX    1000U

typedef struct Completion {
        Context *context;
        Options line;       /* of the command line that is completed, up to its last word */
        const char *word;   /* the last word, or what follows the = in it */
        const char *before; /* what stands before that in the word: "--type=", or "" */
} Completion;

static void offer(const Completion *completion,
                  const char *candidate,
                  const char *suffix,
                  const char *description)
{
        if (!g_str_has_prefix(candidate, completion->word) && candidate[0] != '<')
                return;
        if (candidate[0] == '<')
                output_line(completion->context->output, "%s", candidate);
        else
                output_line(completion->context->output, "%s%s%s%s%s", completion->before,
                            candidate, suffix, description ? "\t" : "",
                            description ? description : "");
}

static void offer_verbs(const Completion *completion)
{
        for (const Verb *verb = verbs; verb->name; verb++)
                if (!verb->is_hidden)
                        offer(completion, verb->name, "", verb->summary);
}

static void offer_options(const Completion *completion, const Verb *verb)
{
        for (const OptionSpec *spec = option_specs; spec->name; spec++) {
                g_autofree char *name = g_strconcat("--", spec->name, NULL);

                if (*spec->name &&
                    (verb ? option_find_for(spec->name, verb->name) == spec : !spec->verbs))
                        offer(completion, name, spec->argument ? "=" : "", spec->help);
        }
}

/* Strings of a reply's first member. */
static void offer_strings(const Completion *completion, GVariant *reply, const char *suffix)
{
        g_autoptr(GVariant) strings = g_variant_get_child_value(reply, 0);
        GVariantIter iterator;
        const char *string;

        g_variant_iter_init(&iterator, strings);
        while (g_variant_iter_next(&iterator, "&s", &string))
                offer(completion, string, suffix, NULL);
}

static Bus *open_bus(const Completion *completion)
{
        Failure *failure = NULL;
        Bus *bus = NULL;

        if (completion->line.host)
                return NULL;
        if (!bus_open(&completion->line, completion->context->interrupt, BUS_FEW_CALLS, &bus,
                      &failure))
                failure_free(failure);
        return bus;
}

static void offer_namespaces(const Completion *completion)
{
        g_autoptr(Bus) bus = open_bus(completion);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(Failure) failure = NULL;
        GVariant *arguments = g_variant_new("(ssu)", completion->word, "", CANDIDATES_MAX);

        if (bus && bus_call_manager(bus, "ListNamespaces", arguments, "(as)", &reply, &failure))
                offer_strings(completion, reply, "");
        if (!bus)
                g_variant_unref(g_variant_ref_sink(arguments));
}

/* Keys of the namespace that was named first. */
static void offer_keys(const Completion *completion, const char *suffix)
{
        const char *ns_name = completion->line.arguments[0];
        g_autoptr(Bus) bus = ns_name ? open_bus(completion) : NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(Failure) failure = NULL;

        if (bus && bus_call_namespace(bus, ns_name, "List",
                                      g_variant_new("(ssu)", completion->word, "", CANDIDATES_MAX),
                                      "(ast)", &reply, &failure))
                offer_strings(completion, reply, suffix);
}

static void offer_words(const Completion *completion, const char *words)
{
        g_auto(GStrv) split = g_strsplit(words, " ", -1);

        for (char **word = split; *word; word++)
                offer(completion, *word, "", NULL);
}

/* @kind: a word of a synopsis, or what an option takes. */
static void offer_kind(const Completion *completion, const char *kind)
{
        static const struct {
                const char *kind;
                const char *words;
        } fixed[] = {
                { "FILE", "<files>" },
                { "SOURCE", "last-known-good <files>" },
                { "USER", "<users>" },
                { "GROUP", "none <groups>" },
                { "[USER@]HOST", "<hosts>" },
                { "SIGNATURE", "b y n q i u x t d s o g v as ay ai a{sv} a{ss}" },
                { "CLASS", "persistent kernel runtime" },
                { "DIR", "<files>" },
                { "HOW", "sync lazy" },
                { "TIME", "30s 1min 5min 1h" },
        };

        if (strcmp(kind, "VERB") == 0)
                offer_verbs(completion);
        else if (g_str_has_prefix(kind, "NAMESPACE"))
                offer_namespaces(completion);
        else if (g_str_has_prefix(kind, "KEY="))
                offer_keys(completion, "=");
        else if (g_str_has_prefix(kind, "KEY"))
                offer_keys(completion, "");
        else if (g_ascii_islower(kind[0]))
                offer(completion, kind, "", NULL); /* it stands for itself */
        for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
                if (strcmp(fixed[i].kind, kind) == 0)
                        offer_words(completion, fixed[i].words);
}

static void offer_argument(const Completion *completion, const OptionSpec *found)
{
        const char *verb = completion->line.verb;
        const OptionSpec *own = verb ? option_find_for(found->name, verb) : NULL;
        const OptionSpec *spec = own ? own : found;

        if (strcmp(spec->name, "json") == 0)
                offer_words(completion, "pretty short off");
        else if (strcmp(spec->name, "mode") == 0)
                offer_words(completion, "0600 0640 0644 0660 0664");
        else if (strcmp(spec->name, "prefix") == 0 && option_goes_with(spec, "watch"))
                offer_namespaces(completion);
        else if (strcmp(spec->name, "prefix") == 0)
                offer_keys(completion, "");
        else
                offer_kind(completion, spec->argument);
}

/* What the synopsis of a verb has at a place: "FILE|NAMESPACE" has two kinds. */
static void offer_place(const Completion *completion, const Verb *verb, guint place)
{
        g_autofree char *plain = g_strdup(verb->synopsis);
        g_auto(GStrv) places = NULL;
        guint n_places;

        g_strdelimit(plain, "[]", ' ');
        g_strstrip(plain);
        places = g_regex_split_simple(" +", plain, 0, 0);
        n_places = g_strv_length(places);
        if (n_places > 0 && place >= n_places && g_str_has_suffix(places[n_places - 1], "..."))
                place = n_places - 1;
        if (place < n_places) {
                g_auto(GStrv) kinds = NULL;
                g_auto(GStrv) pieces = g_strsplit(places[place], "...", 2);

                kinds = g_strsplit(pieces[0], "|", -1);
                for (char **kind = kinds; *kind; kind++)
                        offer_kind(completion, *kind);
        }
        /* After a namespace PREFIX is of its keys, else of namespaces. */
        if (place < n_places && strcmp(places[place], "PREFIX") == 0 && place == 0)
                offer_namespaces(completion);
        else if (place < n_places && strcmp(places[place], "PREFIX") == 0)
                offer_keys(completion, "");
}

/* The option that a word is, when it waits for an argument: "--type", "-t". */
static const OptionSpec *find_waiting(const char *word)
{
        const OptionSpec *spec = NULL;

        if (g_str_has_prefix(word, "--"))
                spec = option_find_long(word + 2, strlen(word + 2));
        else if (word[0] == '-' && word[1] && !word[2])
                spec = option_find_short(word[1]);
        return spec && spec->argument ? spec : NULL;
}

/* Reads what stands before the last word. What cannot be read yet is no failure. */
static void read_line(Completion *completion, char **words, guint n_before)
{
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) argv = NULL;
        Failure *failure = NULL;

        g_strv_builder_add(builder, "regentctl");
        for (guint i = 0; i < n_before; i++)
                g_strv_builder_add(builder, words[i]);
        argv = g_strv_builder_end(builder);
        if (!options_parse(argv, &completion->line, &failure)) {
                failure_free(failure);
                options_clear(&completion->line);
                completion->line = (Options){ .arguments = g_new0(char *, 1) };
        }
        completion->line.timeout_usec = CALL_TIMEOUT_USEC;
        completion->line.is_without_password = TRUE;
}

static void complete(Completion *completion)
{
        const char *word = completion->word, *name = completion->line.verb;
        const Verb *verb = name ? verb_find(name) : NULL;
        const char *equals = strchr(word, '=');

        if (completion->line.command) {
                offer_words(completion, "<files>");
        } else if (equals && g_str_has_prefix(word, "--")) {
                const OptionSpec *spec = option_find_long(word + 2, (size_t) (equals - word - 2));
                g_autofree char *before = g_strndup(word, (gsize) (equals + 1 - word));

                completion->word = equals + 1;
                completion->before = before;
                if (spec && spec->argument)
                        offer_argument(completion, spec);
                completion->before = "";
        } else if (word[0] == '-') {
                offer_options(completion, verb);
        } else if (!name) {
                offer_verbs(completion);
        } else if (verb) {
                offer_place(completion, verb, g_strv_length(completion->line.arguments));
        }
}

int verb_complete(Context *context, char **arguments, Failure **reterr)
{
        guint n_words = g_strv_length(arguments);
        Completion completion = { .context = context, .before = "" };
        const OptionSpec *waiting;

        (void) reterr;
        if (n_words == 0)
                return EXIT_DONE;

        completion.word = arguments[n_words - 1];
        waiting = n_words > 1 ? find_waiting(arguments[n_words - 2]) : NULL;
        read_line(&completion, arguments, n_words - (waiting ? 2 : 1));
        if (waiting)
                offer_argument(&completion, waiting);
        else
                complete(&completion);
        options_clear(&completion.line);
        return EXIT_DONE;
}
