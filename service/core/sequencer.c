/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sequencer
 *
 * Expectations come first, so that a caller whose picture is old hears Conflict and not what
 * follows from it.
 */

#include "core/sequencer.h"

#include "core/confirmation.h"
#include "core/outcome.h"
#include "core/placement.h"
#include "core/quota.h"
#include "core/restore.h"
#include "core/session-keys.h"

#include <inttypes.h>

#define CONFLICTS_NAMED_MAX 16

typedef struct Sequencing {
        State *state;
        const Overlay *overlay;
        const Limits *limits;
        const ChangeSet *set;
        Commit *commit;
        char **reterr_text;
} Sequencing;

G_GNUC_PRINTF(3, 4)
static int refuse(const Sequencing *s, Outcome outcome, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        *s->reterr_text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return outcome;
}

static int find_namespace(const Sequencing *s, const NamespaceWish *wish, Namespace **ret_ns)
{
        Namespace *ns = state_lookup(s->state, wish->name);

        if (!ns || (wish->created_revision > 0 && wish->created_revision != ns->created_revision)) {
                /* Spelt out for analyzers: after 0 there is a namespace. */
                (void) refuse(s, CORE_E_NO_SUCH_NAMESPACE, "There is no namespace '%s'",
                              wish->name);
                return CORE_E_NO_SUCH_NAMESPACE;
        }

        *ret_ns = ns;
        return 0;
}

/* Begins @text with the first. */
static void describe_conflict(GString **text,
                              const NamespaceWish *wish,
                              const Expectation *expectation,
                              const Entry *entry)
{
        if (*text)
                g_string_append(*text, "; ");
        else
                *text = g_string_new(NULL);
        g_string_append_printf(*text, "'%s' of '%s' ", expectation->key, wish->name);
        if (entry)
                g_string_append_printf(*text, "is at revision %" PRIu64 ", ", entry->revision);
        else
                g_string_append(*text, "is not set, ");
        if (expectation->revision > 0)
                g_string_append_printf(*text, "expected %" PRIu64, expectation->revision);
        else
                g_string_append(*text, "expected none");
}

static int check_expectations(const Sequencing *s)
{
        g_autoptr(GString) text = NULL;
        size_t n_conflicts = 0;

        for (guint i = 0; i < s->set->namespaces->len; i++) {
                const NamespaceWish *wish = s->set->namespaces->pdata[i];
                Namespace *ns;
                int r;

                r = find_namespace(s, wish, &ns);
                if (r != 0)
                        return r;

                for (guint j = 0; wish->expectations && j < wish->expectations->len; j++) {
                        const Expectation *e = &g_array_index(wish->expectations, Expectation, j);
                        const Entry *entry = placement_judged(s->overlay, ns, wish, e->key);

                        if (e->revision == (entry ? entry->revision : 0))
                                continue;
                        if (n_conflicts++ < CONFLICTS_NAMED_MAX)
                                describe_conflict(&text, wish, e, entry);
                }
        }

        if (n_conflicts == 0)
                return 0;
        if (n_conflicts > CONFLICTS_NAMED_MAX)
                g_string_append_printf(text, "; and %zu more", n_conflicts - CONFLICTS_NAMED_MAX);
        return refuse(s, CORE_E_CONFLICT, "%s", text->str);
}

static int check_presence(const Sequencing *s,
                          const NamespaceWish *wish,
                          const Entry *wanted,
                          const Entry *present)
{
        if (!present && (s->set->flags & CHANGE_SET_CHANGE_ONLY))
                return refuse(s, CORE_E_NO_SUCH_KEY, "There is no key '%s' in '%s'",
                              entry_key(wanted), wish->name);
        if (present && (s->set->flags & CHANGE_SET_CREATE_ONLY) && !entry_is_tombstone(wanted))
                return refuse(s, CORE_E_KEY_EXISTS, "Key '%s' of '%s' is set already",
                              entry_key(wanted), wish->name);
        return 0;
}

static bool is_without_effect(const Entry *wanted, const Entry *present)
{
        if (entry_is_tombstone(wanted))
                return !present;
        return present && entry_equal(present, wanted);
}

static void add_tombstone(Commit *commit, NamespaceChange *change, const Entry *present)
{
        commit_add_entry(commit, change, entry_new_tombstone_of(present));
}

static int check_rule(const Sequencing *s, const Namespace *ns, Entry *wanted, const Entry *present)
{
        const Rule *rule;
        g_auto(RuleBreach) breach = {};

        rule = namespace_rule(ns, entry_key(wanted));
        if (!rule || rule_check_change(rule, wanted, present, s->set->writer_uid, &breach) == 0)
                return 0;

        return refuse(s, CORE_E_INVALID_VALUE, "'%s' of '%s' %s ([Key %s] %s= in %s)",
                      entry_key(wanted), ns->name, breach.why, rule->name, breach.setting,
                      ns->declaration->path);
}

/* Adds what @wanted does to @present; a change of class also deletes the entry of the old one. */
static void add_effect(Commit *commit, NamespaceChange *change, Entry *wanted, const Entry *present)
{
        if (present && (entry_is_tombstone(wanted) || present->class != wanted->class))
                add_tombstone(commit, change, present);
        if (!entry_is_tombstone(wanted))
                commit_add_entry(commit, change, entry_ref(wanted));
}

static int resolve_entry(const Sequencing *s,
                         const Namespace *ns,
                         const NamespaceWish *wish,
                         Entry *asked,
                         NamespaceChange **change,
                         QuotaMore *more)
{
        g_auto(Placement) placement = {};
        const Entry *present;
        Entry *wanted;
        int r;

        r = placement_find(&placement, s->overlay, ns, wish, asked, s->set->session,
                           s->reterr_text);
        if (r != 0)
                return r;
        wanted = placement.wanted;
        present = placement.place;

        r = confirmation_check_key(s->state, ns->name, entry_key(wanted), s->reterr_text);
        if (r != 0)
                return r;

        r = check_presence(s, wish, wanted, placement.judged);
        if (r != 0)
                return r;
        if (is_without_effect(wanted, present))
                return 0;

        r = check_rule(s, ns, wanted, placement.seen ? placement.seen : present);
        if (r != 0)
                return r;

        if (!*change)
                *change = commit_add(s->commit, NAMESPACE_CHANGE_ENTRIES, ns->name);
        add_effect(s->commit, *change, wanted, present);
        more->keys += (uint64_t) !entry_is_tombstone(wanted) - (uint64_t) (present != NULL);
        more->bytes += entry_usage(wanted) - (present ? entry_usage(present) : 0);
        return 0;
}

static int resolve_wish(const Sequencing *s, const NamespaceWish *wish, QuotaOwned *owned)
{
        NamespaceChange *change = NULL;
        QuotaMore more = { 0 };
        Namespace *ns;
        int r;

        r = find_namespace(s, wish, &ns);
        if (r != 0)
                return r;

        for (guint i = 0; i < wish->entries->len; i++) {
                r = resolve_entry(s, ns, wish, wish->entries->pdata[i], &change, &more);
                if (r != 0)
                        return r;
        }

        r = quota_check_namespace(s->overlay, s->limits, ns, &more, s->reterr_text);
        if (r != 0)
                return r;

        quota_add_owned(owned, ns->access.owner, &more);
        return 0;
}

/* A release that a wish did not name, and a session, adds to what the commit takes. */
static int check_bytes(const Sequencing *s)
{
        uint64_t n_bytes = s->set->n_bytes;

        for (guint i = 0; i < s->commit->changes->len; i++) {
                const NamespaceChange *change = s->commit->changes->pdata[i];

                for (guint j = 0; j < change->entries->len; j++)
                        n_bytes += ((const Entry *) change->entries->pdata[j])->scope_bytes;
        }

        if (n_bytes <= s->limits->commit_bytes)
                return 0;
        return refuse(s, CORE_E_TOO_BIG, "More than %" PRIu64 " bytes in one commit",
                      s->limits->commit_bytes);
}

static int resolve_entries(const Sequencing *s)
{
        QuotaOwned owned;
        int r;

        owned.n_owners = 0;
        r = check_expectations(s);
        if (r != 0)
                return r;

        for (guint i = 0; i < s->set->namespaces->len; i++) {
                r = resolve_wish(s, s->set->namespaces->pdata[i], &owned);
                if (r != 0)
                        return r;
        }

        r = check_bytes(s);
        if (r != 0)
                return r;

        r = session_keys_check(s->state, s->overlay, s->limits, s->set->session, s->commit,
                               s->reterr_text);
        if (r != 0)
                return r;

        r = quota_check_owners(s->overlay, s->limits, &owned, s->reterr_text);
        if (r != 0 || !s->set->confirmation)
                return r;
        return confirmation_prepare(s->state, s->limits, s->set, s->commit, s->reterr_text);
}

static int check_new_owner(const Sequencing *s,
                           uint32_t owner,
                           uint64_t more_keys,
                           uint64_t more_bytes)
{
        const Accounts *accounts = state_accounts(s->state);

        if (s->set->flags & CHANGE_SET_DECLARED)
                return 0;
        if (!accounts_may_charge(accounts, owner, ACCOUNT_NAMESPACES, 1, s->limits->uid_namespaces))
                return refuse(s, CORE_E_QUOTA_EXCEEDED,
                              "uid %" PRIu32 " owns %" PRIu64 " namespaces, a uid may own %" PRIu64,
                              owner, accounts_get(accounts, owner, ACCOUNT_NAMESPACES),
                              s->limits->uid_namespaces);
        if (!accounts_may_charge(accounts, owner, ACCOUNT_KEYS, more_keys, s->limits->uid_keys) ||
            !accounts_may_charge(accounts, owner, ACCOUNT_BYTES, more_bytes, s->limits->uid_bytes))
                return refuse(s, CORE_E_QUOTA_EXCEEDED,
                              "uid %" PRIu32 " would own more than %" PRIu64 " keys or %" PRIu64
                              " bytes",
                              owner, s->limits->uid_keys, s->limits->uid_bytes);
        return 0;
}

/* By name: it counts before it is in force, so that no access comes between it and the namespace. */
static const Declaration *find_declaration(const Sequencing *s, const char *name)
{
        return declarations_lookup(state_declarations(s->state), name);
}

/* What a file says of an access is not changed by hand. */
static int check_declared_access(const Sequencing *s,
                                 const char *name,
                                 const Declaration *declaration)
{
        static const struct {
                AccessFields field;
                const char *setting;
        } settings[] = {
                { ACCESS_OWNER, "Owner" },
                { ACCESS_GROUP, "Group" },
                { ACCESS_MODE, "Mode" },
                { ACCESS_QUOTA_KEYS, "QuotaKeys" },
                { ACCESS_QUOTA_BYTES, "QuotaBytes" },
        };
        unsigned differing;

        if (!declaration)
                return 0;

        differing = access_compare(&s->set->access, &declaration->access) & s->set->access_fields &
                    declaration->access_fields;
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
                if (differing & settings[i].field)
                        return refuse(s, CORE_E_INVALID_VALUE,
                                      "The access of '%s' is declared ([Namespace] %s= in %s)",
                                      name, settings[i].setting, declaration->path);

        return 0;
}

static int resolve_creation(const Sequencing *s)
{
        const NamespaceWish *wish = s->set->namespaces->pdata[0];
        const Declaration *declaration = find_declaration(s, wish->name);
        NamespaceAccess access = access_standard;
        NamespaceChange *change;
        int r;

        if (state_lookup(s->state, wish->name))
                return refuse(s, CORE_E_NAMESPACE_EXISTS, "Namespace '%s' exists already",
                              wish->name);

        r = check_declared_access(s, wish->name, declaration);
        if (r != 0)
                return r;

        access.owner = s->set->writer_uid;
        access = access_merge(&access, &s->set->access, s->set->access_fields);
        if (declaration)
                access = access_merge(&access, &declaration->access, declaration->access_fields);
        r = check_new_owner(s, access.owner, 0, 0);
        if (r != 0)
                return r;

        change = commit_add(s->commit, NAMESPACE_CHANGE_CREATE, wish->name);
        change->access = access;
        return 0;
}

static int resolve_removal(const Sequencing *s)
{
        const Declaration *declaration;
        Namespace *ns;
        int r;

        r = find_namespace(s, s->set->namespaces->pdata[0], &ns);
        if (r != 0)
                return r;

        declaration = find_declaration(s, ns->name);
        if (declaration)
                return refuse(s, CORE_E_CONFLICT, "'%s' is declared in %s", ns->name,
                              declaration->path);
        if (namespace_n_keys(ns) > 0 && !(s->set->flags & CHANGE_SET_NOT_EMPTY))
                return refuse(s, CORE_E_NAMESPACE_NOT_EMPTY,
                              "'%s' has %" PRIu64 " keys, flag 1 removes it with them", ns->name,
                              namespace_n_keys(ns));

        r = confirmation_check_namespace(s->state, ns->name, s->reterr_text);
        if (r != 0)
                return r;

        commit_add(s->commit, NAMESPACE_CHANGE_REMOVE, ns->name);
        return 0;
}

static int resolve_access(const Sequencing *s)
{
        NamespaceChange *change;
        NamespaceAccess access;
        Namespace *ns;
        int r;

        r = find_namespace(s, s->set->namespaces->pdata[0], &ns);
        if (r != 0)
                return r;

        r = check_declared_access(s, ns->name, find_declaration(s, ns->name));
        if (r != 0)
                return r;

        access = access_merge(&ns->access, &s->set->access, s->set->access_fields);
        if (access_compare(&access, &ns->access) == 0 && !(s->set->flags & CHANGE_SET_IN_ANY_CASE))
                return 0;

        if (access.owner != ns->access.owner) {
                r = check_new_owner(s, access.owner, namespace_n_keys(ns), ns->usage);
                if (r != 0)
                        return r;
        }

        change = commit_add(s->commit, NAMESPACE_CHANGE_ACCESS, ns->name);
        change->access = access;
        return 0;
}

/* What was within the limits once may go on being there. */
static int resolve_restoration(const Sequencing *s)
{
        int r = confirmation_check_all(s->state, s->reterr_text);

        if (r != 0)
                return r;
        restore_fill(s->commit, s->state, s->set->source);
        s->commit->source = s->set->source_identity;
        return 0;
}

static int resolve(const Sequencing *s)
{
        switch (s->set->kind) {
        case CHANGE_SET_ENTRIES:
                return resolve_entries(s);
        case CHANGE_SET_CREATE_NAMESPACE:
                return resolve_creation(s);
        case CHANGE_SET_REMOVE_NAMESPACE:
                return resolve_removal(s);
        case CHANGE_SET_ACCESS:
                return resolve_access(s);
        case CHANGE_SET_RESTORE:
                return resolve_restoration(s);
        case CHANGE_SET_SETTLE:
                return confirmation_settle(s->state, s->set, s->commit, s->reterr_text);
        case CHANGE_SET_END_SESSION:
                session_keys_end(s->commit, s->state, s->set->session);
                return 0;
        case CHANGE_SET_NOTHING:
                return 0;
        }

        g_assert_not_reached();
}

int sequencer_resolve(State *state,
                      const Overlay *overlay,
                      const Limits *limits,
                      const ChangeSet *set,
                      uint64_t revision,
                      uint64_t now_usec,
                      Commit **ret_commit,
                      char **reterr_text)
{
        g_autoptr(Commit) commit = commit_new(revision, now_usec, set->writer_uid, set->reason);
        const Sequencing sequencing = {
                .state = state,
                .overlay = overlay,
                .limits = limits,
                .set = set,
                .commit = commit,
                .reterr_text = reterr_text,
        };
        int r;

        r = resolve(&sequencing);
        if (r != 0)
                return r;

        *ret_commit =
                commit->changes->len > 0 || commit->settles > 0 ? g_steal_pointer(&commit) : NULL;
        return 0;
}
