/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participation
 *
 *                agreed            refused     Commit, Abort     regentd goes
 *   asked     -> waits for it      settled     (Abort: ended)    settled
 *   waits     -  -                 -           settled           looked up when it is back
 *
 * What was agreed to and not settled when regentd went is looked up after the next registration: its
 * keys hold what it would have made of them, or they do not.
 *
 * A Commit or an Abort of what it was not asked about may say that it takes part no more (its namespace
 * was removed, it was late): it registers again, which is refused when it still does.
 */

#include "participation.h"

#include "agreement.h"
#include "client/regent-names.h"
#include "namespace-path.h"
#include "presence.h"

#include <string.h>

#define CALLBACK_PATH        "/org/regentd/Participant"
#define TIMEOUT_USEC_DEFAULT (INT64_C(5) * G_USEC_PER_SEC)
#define RETRY_MSEC           1000u

static const char interface_xml[] =
        "<node><interface name='" REGENT_PARTICIPANT_INTERFACE "'>"
        "<method name='Prepare'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='a{sv}' direction='in'/><arg type='as' direction='in'/>"
        "<arg type='a{sv}' direction='in'/></method>"
        "<method name='Commit'><arg type='s' direction='in'/><arg type='t' direction='in'/></method>"
        "<method name='Abort'><arg type='s' direction='in'/></method>"
        "</interface></node>";

/* A call of regentd's that waits for its turn. */
typedef struct Turn {
        GDBusMethodInvocation *invocation; /* owned until it is answered */
        int64_t deadline_usec;             /* for an answer */
        unsigned n_gone;
        bool is_withdrawn;
} Turn;

struct Participation {
        Bus *bus;
        ParticipationSpec spec;
        Presence *presence;
        guint object;
        guint retry; /* a timer while it is not registered; 0: none */
        GQueue turns;
        Turn *now;              /* that is being decided; borrowed */
        GHashTable *agreements; /* transaction -> Agreement */
        char *refused;          /* the transaction that was refused here last, or NULL */
        unsigned n_gone;        /* how often regentd had gone when it was registered */
        bool is_registered;
        bool is_started;
        bool is_shut_out; /* that it cannot register was told */
        bool is_blind; /* may take part, and not read: the reply to a registration has the values */
        bool is_woken;
};

static void free_turn(gpointer userdata)
{
        Turn *turn = userdata;

        g_clear_object(&turn->invocation);
        g_free(turn);
}

static int64_t timeout_of(const Participation *participation)
{
        return participation->spec.timeout_usec > 0 ? participation->spec.timeout_usec
                                                    : TIMEOUT_USEC_DEFAULT;
}

/* A Prepare that an Abort has overtaken needs no decision any more. */
static void withdraw(Participation *participation, const char *transaction)
{
        Turn *now = participation->now;
        const char *decided = NULL;

        if (!now ||
            strcmp(g_dbus_method_invocation_get_method_name(now->invocation), "Prepare") != 0)
                return;
        g_variant_get_child(g_dbus_method_invocation_get_parameters(now->invocation), 0, "&s",
                            &decided);
        if (strcmp(decided, transaction) != 0)
                return;
        now->is_withdrawn = true;
        participation->spec.on_withdrawn(participation->spec.userdata);
}

static void on_call(GDBusConnection *connection,
                    const char *sender,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *parameters,
                    GDBusMethodInvocation *invocation,
                    gpointer userdata)
{
        Participation *participation = userdata;
        const char *transaction = NULL;
        Turn *turn;

        (void) connection, (void) path, (void) interface;
        if (g_strcmp0(sender, presence_owner(participation->presence)) != 0) {
                g_dbus_method_invocation_return_dbus_error(invocation, FAILURE_ACCESS_DENIED,
                                                           "Only regentd may ask");
                return;
        }

        turn = g_new0(Turn, 1);
        turn->invocation = invocation;
        turn->n_gone = presence_n_gone(participation->presence);
        turn->deadline_usec = g_get_monotonic_time() + timeout_of(participation);
        g_queue_push_tail(&participation->turns, turn);
        participation->is_woken = true;
        if (strcmp(method, "Abort") == 0) {
                g_variant_get(parameters, "(&s)", &transaction);
                withdraw(participation, transaction);
        }
}

static gboolean export_object(Participation *participation, Failure **reterr)
{
        static const GDBusInterfaceVTable vtable = { .method_call = on_call };
        GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(interface_xml, NULL);
        g_autoptr(GError) error = NULL;

        g_assert(node);
        participation->object = g_dbus_connection_register_object(
                bus_connection(participation->bus), CALLBACK_PATH, node->interfaces[0], &vtable,
                participation, NULL, &error);
        g_dbus_node_info_unref(node);
        if (participation->object == 0)
                return failure_set_from_error(reterr, g_steal_pointer(&error));
        return TRUE;
}

gboolean participation_new(Bus *bus,
                           const ParticipationSpec *spec,
                           Participation **ret,
                           Failure **reterr)
{
        g_autoptr(Participation) participation = g_new0(Participation, 1);

        participation->bus = bus;
        participation->spec = *spec;
        g_queue_init(&participation->turns);
        participation->agreements = agreement_table_new();
        participation->presence = presence_new(bus, &participation->is_woken);
        if (!export_object(participation, reterr))
                return FALSE;
        *ret = g_steal_pointer(&participation);
        return TRUE;
}

Participation *participation_free(Participation *participation)
{
        if (!participation)
                return NULL;

        if (participation->retry != 0)
                g_source_remove(participation->retry);
        if (participation->object != 0)
                g_dbus_connection_unregister_object(bus_connection(participation->bus),
                                                    participation->object);
        presence_free(participation->presence);
        g_queue_clear_full(&participation->turns, free_turn);
        g_hash_table_unref(participation->agreements);
        g_free(participation->refused);
        g_free(participation);
        return NULL;
}

static gboolean on_retry(gpointer userdata)
{
        Participation *participation = userdata;

        participation->is_woken = true;
        return G_SOURCE_CONTINUE;
}

static void set_retry(Participation *participation, bool is_wanted)
{
        if (is_wanted && participation->retry == 0)
                participation->retry = g_timeout_add(RETRY_MSEC, on_retry, participation);
        if (!is_wanted)
                g_clear_handle_id(&participation->retry, g_source_remove);
}

static gboolean call_register(Participation *participation, GVariant **ret_reply, Failure **reterr)
{
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        const ParticipationSpec *spec = &participation->spec;

        if (!participation->is_blind || g_hash_table_size(participation->agreements) == 0)
                g_variant_builder_add(&options, "{sv}", "no-values", g_variant_new_boolean(TRUE));
        if (spec->timeout_usec > 0)
                g_variant_builder_add(&options, "{sv}", "timeout-usec",
                                      g_variant_new_uint64((guint64) spec->timeout_usec));
        return bus_call_namespace(
                participation->bus, spec->ns_name, "RegisterParticipant",
                g_variant_new("(sot@a{sv})", spec->prefix ? spec->prefix : "", CALLBACK_PATH,
                              (guint64) (spec->is_optional ? REGENT_PARTICIPANT_OPTIONAL : 0),
                              g_variant_builder_end(&options)),
                "(a{sv}t)", ret_reply, reterr);
}

static void unregister(Participation *participation)
{
        participation->is_registered = false;
        bus_call_drop(bus_start_namespace(participation->bus, participation->spec.ns_name,
                                          "UnregisterParticipant",
                                          g_variant_new("(o)", CALLBACK_PATH), "()"));
}

/* It was made without asking here: only that something has changed is known. */
static gboolean tell_unasked(Participation *participation,
                             const char *transaction,
                             uint64_t revision,
                             char **ret_reason,
                             Failure **reterr)
{
        g_autoptr(GVariant) set = g_variant_ref_sink(g_variant_new("a{sv}", NULL));
        g_autoptr(GVariant) unset = g_variant_ref_sink(g_variant_new("as", NULL));
        const ParticipationRequest request = { .step = PARTICIPATION_COMMIT,
                                               .transaction = transaction,
                                               .ns_name = participation->spec.ns_name,
                                               .set = set,
                                               .unset = unset,
                                               .revision = revision,
                                               .timeout_usec = timeout_of(participation) };

        return participation->spec.on_request(&request, ret_reason, participation->spec.userdata,
                                              reterr);
}

static gboolean settle_unknown(Participation *participation,
                               ParticipationStep step,
                               const char *transaction,
                               uint64_t revision,
                               char **ret_reason,
                               Failure **reterr)
{
        if (g_strcmp0(participation->refused, transaction) == 0)
                return TRUE;
        participation->is_registered = false;
        if (step == PARTICIPATION_ABORT)
                return TRUE;
        return tell_unasked(participation, transaction, revision, ret_reason, reterr);
}

static gboolean settle(Participation *participation,
                       ParticipationStep step,
                       const char *transaction,
                       uint64_t revision,
                       char **ret_reason,
                       Failure **reterr)
{
        Agreement *agreement = NULL;
        g_autofree char *key = NULL;
        ParticipationRequest request = { .step = step,
                                         .transaction = transaction,
                                         .revision = revision,
                                         .timeout_usec = timeout_of(participation) };
        gboolean is_told;

        if (!g_hash_table_steal_extended(participation->agreements, transaction, (void **) &key,
                                         (void **) &agreement))
                return settle_unknown(participation, step, transaction, revision, ret_reason,
                                      reterr);
        request.ns_name = agreement->ns_name;
        request.set = agreement->set;
        request.unset = agreement->unset;
        is_told = participation->spec.on_request(&request, ret_reason, participation->spec.userdata,
                                                 reterr);
        agreement_free(agreement);
        return is_told;
}

/* Whether a failure is of what may be another way soon. */
static bool is_passing(const Failure *failure)
{
        return failure->status == EXIT_UNREACHABLE || failure->status == EXIT_TIMEOUT ||
               failure->status == EXIT_NOT_FOUND || failure->status == EXIT_DENIED;
}

static gboolean look_up(const Participation *participation,
                        const Agreement *agreement,
                        GVariant *values,
                        bool *ret_is_made,
                        Failure **reterr)
{
        if (!participation->is_blind)
                return agreement_look_up(agreement, participation->bus, ret_is_made, reterr);
        *ret_is_made = agreement_is_made(agreement, values);
        return TRUE;
}

/* It could not be looked up what has become of an agreement: registers again, and tries again. */
static gboolean look_up_later(Participation *participation, Failure *failure, Failure **reterr)
{
        if (!is_passing(failure)) {
                *reterr = failure;
                return FALSE;
        }
        if (failure->status == EXIT_NOT_FOUND || failure->status == EXIT_DENIED)
                participation->is_blind = true;
        failure_free(failure);
        unregister(participation);
        set_retry(participation, true);
        return TRUE;
}

/* regentd went, or this was dropped, between the agreement and the end of it. */
static gboolean settle_all(Participation *participation,
                           GVariant *values,
                           uint64_t revision,
                           Failure **reterr)
{
        g_autoptr(GList) transactions = g_hash_table_get_keys(participation->agreements);
        bool is_told = true;

        for (const GList *at = transactions; at && is_told; at = at->next) {
                const Agreement *agreement =
                        g_hash_table_lookup(participation->agreements, at->data);
                g_autofree char *transaction = g_strdup(at->data);
                g_autofree char *reason = NULL;
                Failure *failure = NULL;
                bool is_made;

                if (!look_up(participation, agreement, values, &is_made, &failure))
                        return look_up_later(participation, failure, reterr);
                is_told =
                        settle(participation, is_made ? PARTICIPATION_COMMIT : PARTICIPATION_ABORT,
                               transaction, is_made ? revision : 0, &reason, reterr);
        }
        return is_told;
}

/* That regentd is away is told already. */
static void tell_shut_out(Participation *participation, const Failure *failure)
{
        if (participation->is_shut_out ||
            (failure->status != EXIT_NOT_FOUND && failure->status != EXIT_DENIED))
                return;
        participation->is_shut_out = true;
        participation->spec.on_shut_out(failure->text, participation->spec.userdata);
}

static gboolean register_again(Participation *participation, Failure **reterr)
{
        unsigned n_gone = presence_n_gone(participation->presence);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) values = NULL;
        g_autoptr(Failure) failure = NULL;
        guint64 revision;

        if (!call_register(participation, &reply, &failure)) {
                if (participation->is_started && failure->status == EXIT_INVALID) {
                        participation->is_registered = true; /* it was all the time */
                        participation->n_gone = n_gone;
                        set_retry(participation, false);
                        return TRUE;
                }
                if (participation->is_started && is_passing(failure)) {
                        tell_shut_out(participation, failure);
                        set_retry(participation, true);
                        return TRUE;
                }
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        g_variant_get(reply, "(@a{sv}t)", &values, &revision);
        set_retry(participation, false);
        participation->is_registered = participation->is_started = true;
        participation->is_shut_out = false;
        participation->n_gone = n_gone;
        participation->spec.on_registered(revision, participation->spec.userdata);
        return settle_all(participation, values, revision, reterr);
}

static gboolean prepare(Participation *participation,
                        Turn *turn,
                        GVariant *parameters,
                        char **ret_reason,
                        Failure **reterr)
{
        g_autoptr(GVariant) set = NULL;
        g_autoptr(GVariant) unset = NULL;
        g_autoptr(GVariant) current = NULL;
        ParticipationRequest request = { .step = PARTICIPATION_PREPARE };

        g_variant_get(parameters, "(&s&s@a{sv}@as@a{sv})", &request.transaction, &request.ns_name,
                      &set, &unset, &current);
        request.set = set;
        request.unset = unset;
        request.current = current;
        request.timeout_usec = turn->deadline_usec - g_get_monotonic_time();
        if (!participation->spec.on_request(&request, ret_reason, participation->spec.userdata,
                                            reterr))
                return FALSE;
        if (!*ret_reason || turn->is_withdrawn) {
                g_hash_table_replace(participation->agreements, g_strdup(request.transaction),
                                     agreement_new(request.ns_name, set, unset));
                return TRUE;
        }
        g_free(participation->refused);
        participation->refused = g_strdup(request.transaction);
        return TRUE;
}

static gboolean take(Participation *participation, Turn *turn, Failure **reterr)
{
        const char *method = g_dbus_method_invocation_get_method_name(turn->invocation);
        GVariant *parameters = g_dbus_method_invocation_get_parameters(turn->invocation);
        g_autofree char *reason = NULL;
        bool is_prepare = strcmp(method, "Prepare") == 0;
        bool is_abort = strcmp(method, "Abort") == 0;
        const char *transaction = NULL;
        guint64 revision = 0;
        gboolean is_taken;

        if (is_prepare) {
                is_taken = prepare(participation, turn, parameters, &reason, reterr);
        } else if (strcmp(method, "Commit") == 0) {
                g_variant_get(parameters, "(&st)", &transaction, &revision);
                is_taken = settle(participation, PARTICIPATION_COMMIT, transaction, revision,
                                  &reason, reterr);
        } else {
                g_variant_get(parameters, "(&s)", &transaction);
                is_taken =
                        settle(participation, PARTICIPATION_ABORT, transaction, 0, &reason, reterr);
        }
        if (!is_taken)
                return FALSE;
        if (reason)
                g_dbus_method_invocation_return_dbus_error(g_steal_pointer(&turn->invocation),
                                                           REGENT_ERROR_VETOED, reason);
        else
                g_dbus_method_invocation_return_value(g_steal_pointer(&turn->invocation), NULL);
        /* An Abort may also say that an answer came late, for which one is unregistered: to be looked up. */
        if (is_abort)
                participation->is_registered = false;
        /* Who answers late is unregistered; whether regentd found it late, too, does not matter then. */
        if (is_prepare && g_get_monotonic_time() > turn->deadline_usec)
                unregister(participation);
        return TRUE;
}

static gboolean work(Participation *participation, Failure **reterr)
{
        gboolean is_taken = TRUE;
        bool was_registered;

        if (participation->is_registered &&
            participation->n_gone != presence_n_gone(participation->presence)) {
                participation->is_registered = false;
                participation->spec.on_away(participation->spec.userdata);
        }
        if (!participation->is_registered && presence_owner(participation->presence) &&
            !register_again(participation, reterr))
                return FALSE;
        was_registered = participation->is_registered;
        while (is_taken && !g_queue_is_empty(&participation->turns)) {
                Turn *turn = g_queue_pop_head(&participation->turns);

                /* One of a regentd that has gone is nobody's any more. */
                participation->now = turn;
                if (turn->n_gone == presence_n_gone(participation->presence))
                        is_taken = take(participation, turn, reterr);
                participation->now = NULL;
                free_turn(turn);
        }
        if (was_registered && !participation->is_registered)
                participation->is_woken = true;
        return is_taken;
}

gboolean participation_run(Participation *participation, Failure **reterr)
{
        bool is_going = register_again(participation, reterr);

        while (is_going) {
                is_going = bus_wait(participation->bus, &participation->is_woken, reterr);
                participation->is_woken = false;
                if (is_going && presence_is_closed(participation->presence))
                        is_going = failure_set(reterr, EXIT_UNREACHABLE, "The bus is gone");
                is_going = is_going && work(participation, reterr);
        }
        if (participation->is_registered)
                unregister(participation);
        g_dbus_connection_flush_sync(bus_connection(participation->bus), NULL, NULL);
        return FALSE;
}
