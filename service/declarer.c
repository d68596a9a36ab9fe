/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declarer
 *
 * One request is with the pipeline at a time, and each is made when its turn comes, from what the
 * state and the declarations are by then. So a load in the middle of another one needs no care: the
 * names that are left to be looked at begin anew.
 *
 * A batch that is with the journal during a load was judged without the new declarations, and may make,
 * remove or open a namespace that is declared by now. What is ready behind it is judged with them. So
 * the namespace that such a batch is about gets a request in any case, and what is declared of it comes
 * into force when that is settled; it may have nothing to change.
 */

#include "declarer.h"

#include "complaints.h"
#include "core/namespace-places.h"
#include "declaration-files.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

typedef struct Waiting {
        DeclarerDone on_done;
        void *userdata;
} Waiting;

struct Declarer {
        DeclarerOptions options;
        Origin *origin;
        GPtrArray *errors;            /* owned "FILE:LINE: text" */
        GQueue names;                 /* owned: namespaces still to be looked at */
        bool is_under_way;            /* a request for the first of them is with the pipeline */
        bool is_outdated;             /* that was made before the last load */
        Declaration *in_force_before; /* owned: what its namespace had then; NULL: none */
        bool has_loaded;
        GArray *waiting; /* Waiting */
};

static void go_on(Declarer *declarer);

Declarer *declarer_new(const DeclarerOptions *options)
{
        Declarer *declarer = g_new(Declarer, 1);

        *declarer = (Declarer){
                .options = *options,
                .origin = pipeline_origin_new(options->pipeline),
                .errors = g_ptr_array_new_with_free_func(g_free),
                .names = G_QUEUE_INIT,
                .waiting = g_array_new(FALSE, FALSE, sizeof(Waiting)),
        };
        return declarer;
}

static void tell_waiting(Declarer *declarer, int r)
{
        g_autoptr(GArray) waiting = declarer->waiting;

        declarer->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
        for (guint i = 0; i < waiting->len; i++) {
                const Waiting *each = &g_array_index(waiting, Waiting, i);

                each->on_done(each->userdata, r);
        }
}

Declarer *declarer_free(Declarer *declarer)
{
        if (!declarer)
                return NULL;

        pipeline_origin_free(declarer->origin);
        tell_waiting(declarer, -ECANCELED);
        g_queue_clear_full(&declarer->names, g_free);
        g_ptr_array_unref(declarer->errors);
        g_array_unref(declarer->waiting);
        declaration_unref(declarer->in_force_before);
        g_free(declarer);
        return NULL;
}

GVariant *declarer_errors(const Declarer *declarer)
{
        return g_variant_new_strv((const char *const *) declarer->errors->pdata,
                                  (gssize) declarer->errors->len);
}

/* Whether @ns needs no request to become as it is declared. */
static bool is_settled(const Declarer *declarer,
                       const Namespace *ns,
                       const Declaration *declaration)
{
        const char *under_way = pipeline_namespace_under_way(declarer->options.pipeline);

        return ns && declaration_has_access(declaration, &ns->access) &&
               (ns->declaration == declaration || !under_way || strcmp(ns->name, under_way) != 0);
}

/* The change that makes @name's namespace, NULL when there is none, as it is declared. */
static ChangeSet *change_towards(const char *name,
                                 const Namespace *ns,
                                 const Declaration *declaration)
{
        ChangeSet *set = change_set_new(ns ? CHANGE_SET_ACCESS : CHANGE_SET_CREATE_NAMESPACE);
        g_autofree char *text = NULL, *reason = NULL;
        NamespaceWish *wish;
        int r;

        r = change_set_add_namespace(set, name, &wish, &text);
        g_assert(r == 0);
        wish->created_revision = ns ? ns->created_revision : 0;
        wish->access_revision = ns ? ns->access_revision : 0;

        set->flags = CHANGE_SET_DECLARED;
        set->access = declaration->access;
        set->access_fields = declaration->access_fields;
        reason = g_strdup_printf("declared in %s", declaration->path);
        if (change_set_set_reason(set, reason, &text) != 0)
                log_debug("%s: the path is too long for a reason", declaration->path);
        return set;
}

static void add_error(Declarer *declarer,
                      const Declaration *declaration,
                      const char *name,
                      const char *why)
{
        Complaints complaints = { declaration->path, declarer->errors, 0 };

        log_record(LOG_ERR, LOG_FIELDS(LOG_NAMESPACE(name), LOG_FILE(declaration->path)),
                   "%s: '%s' cannot be made as it is declared: %s", declaration->path, name, why);
        if (declarer->errors->len < DECLARATION_ERRORS_MAX)
                complaints_add(&complaints, 0, "'%s' cannot be made as it is declared: %s", name,
                               why);
}

/* What was stored before a rule came stays; whoever reads the log should know. */
static void warn_of_breaches(const Namespace *ns)
{
        NamespacePlaces places;
        const char *first = NULL;
        uint64_t n = 0;
        Entry *entry;

        namespace_places_begin(&places, ns, NULL);
        while ((entry = namespace_places_next(&places))) {
                const Rule *rule = declaration_rule(ns->declaration, entry_key(entry));

                if (!rule || rule_check_value(rule, entry, NULL) == 0)
                        continue;
                if (n++ == 0)
                        first = entry_key(entry);
        }

        if (n > 0)
                log_record(LOG_WARNING,
                           LOG_FIELDS(LOG_NAMESPACE(ns->name), LOG_KEY(first),
                                      LOG_FILE(ns->declaration->path)),
                           "%s: %" PRIu64
                           " keys of '%s' hold what is not allowed, first '%s': they "
                           "stay until they are set",
                           ns->declaration->path, n, ns->name, first);
}

static void on_declared(void *userdata, Namespace *ns)
{
        const Declarer *declarer = userdata;

        if (ns->declaration)
                warn_of_breaches(ns);
        declarer->options.on_declared(declarer->options.userdata, ns);
}

/* What came into force with a commit has been announced with it. */
static void declare(Declarer *declarer, const char *name)
{
        Namespace *ns = state_lookup(declarer->options.state, name);

        if (!ns)
                return;
        if (state_declare(declarer->options.state, ns))
                on_declared(declarer, ns);
        else if (ns->declaration && ns->declaration != declarer->in_force_before)
                warn_of_breaches(ns);
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        Declarer *declarer = userdata;
        g_autofree char *name = NULL;
        const Declaration *declaration;
        bool was_outdated;

        declarer->is_under_way = false;
        if (settlement->outcome == -ECANCELED)
                return;

        was_outdated = declarer->is_outdated;
        declarer->is_outdated = false;
        name = g_queue_pop_head(&declarer->names);
        declaration = declarations_lookup(state_declarations(declarer->options.state), name);
        if (settlement->outcome != 0 && declaration && !was_outdated)
                add_error(declarer, declaration, name,
                          settlement->outcome < 0 ? g_strerror(-settlement->outcome)
                                                  : settlement->text);
        declare(declarer, name);
        go_on(declarer);
}

/* Whether the first name needs a request, which then takes @reservation. */
static bool submit_first(Declarer *declarer, Request *reservation)
{
        const char *name = g_queue_peek_head(&declarer->names);
        const Declaration *declaration =
                declarations_lookup(state_declarations(declarer->options.state), name);
        Namespace *ns = state_lookup(declarer->options.state, name);

        if (!declaration)
                return false;

        declaration_unref(declarer->in_force_before);
        declarer->in_force_before = ns && ns->declaration ? declaration_ref(ns->declaration) : NULL;
        if (is_settled(declarer, ns, declaration)) {
                declare(declarer, name);
                return false;
        }

        declarer->is_under_way = true;
        pipeline_submit(declarer->origin, reservation, change_towards(name, ns, declaration),
                        on_settled, declarer);
        return true;
}

static void go_on(Declarer *declarer)
{
        while (!declarer->is_under_way && !g_queue_is_empty(&declarer->names))
                if (!submit_first(declarer, NULL))
                        g_free(g_queue_pop_head(&declarer->names));

        if (!declarer->is_under_way)
                tell_waiting(declarer, 0);
}

void declarer_reconsider(Declarer *declarer, Request *reservation)
{
        if (submit_first(declarer, reservation))
                return;

        pipeline_cancel(reservation);
        declarer->is_under_way = false;
        go_on(declarer);
}

bool declarer_is_under_way(const Declarer *declarer)
{
        return declarer->is_under_way;
}

void declarer_when_done(Declarer *declarer, DeclarerDone on_done, void *userdata)
{
        const Waiting waiting = { on_done, userdata };

        g_array_append_val(declarer->waiting, waiting);
        if (!declarer->is_under_way)
                tell_waiting(declarer, 0);
}

static gboolean add_name(gpointer name, gpointer unused G_GNUC_UNUSED, gpointer names)
{
        g_queue_push_tail(names, g_strdup(name));
        return FALSE;
}

/* The name that a request is under way for stays the first. */
static void begin_anew(Declarer *declarer)
{
        char *first = declarer->is_under_way ? g_queue_pop_head(&declarer->names) : NULL;

        g_queue_clear_full(&declarer->names, g_free);
        if (first)
                g_queue_push_head(&declarer->names, first);
        declarer->is_outdated = declarer->is_under_way;
}

void declarer_load(Declarer *declarer)
{
        State *state = declarer->options.state;
        bool is_first = !declarer->has_loaded;
        Declarations *declarations;

        g_ptr_array_set_size(declarer->errors, 0);
        declarations = declaration_files_load(
                declarer->options.directories, declarer->options.limits,
                declarer->has_loaded ? state_declarations(state) : NULL, declarer->errors);
        declarer->has_loaded = true;
        log_record(declarer->errors->len > 0 ? LOG_WARNING : LOG_DEBUG, NULL,
                   "%u namespaces are declared", declarations_count(declarations));
        state_set_declarations(state, declarations,
                               pipeline_namespace_under_way(declarer->options.pipeline),
                               on_declared, declarer);
        if (is_first && declarer->options.on_first)
                declarer->options.on_first(declarer->options.userdata);

        begin_anew(declarer);
        g_tree_foreach(declarations_all(declarations), add_name, &declarer->names);
        go_on(declarer);
}
