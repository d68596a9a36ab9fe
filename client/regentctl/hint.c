/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hints
 */

#include "hint.h"

#include "account-names.h"
#include "agent.h"
#include "client/regent-names.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define MODE_GROUP_READ  0040
#define MODE_GROUP_WRITE 0020

static bool is_write(const char *method)
{
        static const char *const methods[] = { "Set",           "Delete",       "Apply",
                                               "ConfirmChange", "CancelChange", NULL };

        return g_strv_contains(methods, method);
}

static bool is_manage(const char *method)
{
        static const char *const methods[] = { "CreateNamespace", "RemoveNamespace",
                                               "SetAccess",       "Reload",
                                               "MarkGood",        "Restore",
                                               "Backup",          NULL };

        return g_strv_contains(methods, method);
}

/* Not all that needs the right to manage. */
static bool changes_something(const char *method)
{
        return (is_write(method) || is_manage(method)) && strcmp(method, "Backup") != 0;
}

static const char *action_of(const char *method)
{
        if (is_manage(method) || strcmp(method, "GetStatistics") == 0)
                return REGENT_ACTION_MANAGE;
        if (strcmp(method, "RegisterParticipant") == 0)
                return REGENT_ACTION_PARTICIPATE;
        return is_write(method) ? REGENT_ACTION_WRITE : REGENT_ACTION_READ;
}

static void add_line(GString *hint, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add_line(GString *hint, const char *format, ...)
{
        va_list arguments;

        if (hint->len > 0)
                g_string_append_c(hint, '\n');
        va_start(arguments, format);
        g_string_append_vprintf(hint, format, arguments);
        va_end(arguments);
}

/* Whose the namespace is, and how somebody else would be let in; nothing when one may not know that. */
static void add_owner(GString *hint, const HintCall *call)
{
        g_autoptr(GVariant) properties = NULL;
        g_autofree char *owner = NULL;
        g_autofree char *group = NULL;
        Failure *failure = NULL;
        guint32 uid = 0, gid = 0, mode = 0, wanted;

        if (strcmp(call->method, "GetAll") == 0)
                return;
        if (!bus_get_properties(call->bus, call->ns_name, &properties, &failure)) {
                failure_free(failure);
                return;
        }
        if (!g_variant_lookup(properties, "Owner", "u", &uid) ||
            !g_variant_lookup(properties, "Group", "u", &gid) ||
            !g_variant_lookup(properties, "Mode", "u", &mode))
                return;

        owner = account_user_name(uid);
        group = account_group_name(gid);
        add_line(hint, "%s has the owner %s, %s%s and the mode %04o.", call->ns_name, owner,
                 gid == REGENT_NO_GROUP ? "no group" : "the group ",
                 gid == REGENT_NO_GROUP ? "" : group, mode);
        /* Who may write may participate. */
        wanted = is_write(call->method) || strcmp(call->method, "RegisterParticipant") == 0
                         ? MODE_GROUP_WRITE
                         : MODE_GROUP_READ;
        if (is_manage(call->method))
                return;
        if (gid != REGENT_NO_GROUP && (mode & wanted))
                add_line(hint, "Members of the group %s may do this.", group);
        else
                add_line(hint,
                         "Its owner can let a group in: regentctl access %s --group=GROUP "
                         "--mode=%04o",
                         call->ns_name, mode | MODE_GROUP_READ | wanted);
}

static void add_password(GString *hint, const HintCall *call)
{
        if (call->options->host)
                add_line(hint, "Passwords can be given on that machine only.");
        else if (call->options->is_without_password)
                add_line(hint, "Without --no-ask-password a password could be given.");
        else if (call->options->json != JSON_OFF || !agent_may_ask())
                add_line(hint, "On a terminal, and without JSON, a password could be given.");
        else
                add_line(hint, "A password could be given if pkttyagent were installed.");
}

static char *describe_denied(const Failure *failure, const HintCall *call)
{
        GString *hint = g_string_new(NULL);

        if (call->ns_name)
                add_owner(hint, call);
        if (!call->ns_name && strcmp(call->method, "CreateNamespace") != 0)
                add_line(hint, "A polkit rule may allow the action %s with the verb %s.",
                         action_of(call->method), call->method);
        else
                add_line(
                        hint,
                        "A polkit rule may allow the action %s\nwith the namespace %s and the verb "
                        "%s; see regent-polkit(7).",
                        action_of(call->method), call->ns_name ? call->ns_name : "in question",
                        call->method);
        if (failure_is(failure, FAILURE_PASSWORD_NEEDED))
                add_password(hint, call);
        if (geteuid() != 0 && !call->options->host)
                add_line(hint, "uid 0 may: try it with sudo.");
        return g_string_free(hint, FALSE);
}

static void hint_not_found(Failure *failure, const HintCall *call)
{
        if (failure_is(failure, FAILURE_FILE_NOT_FOUND))
                failure_set_hint(failure,
                                 "Nothing was changed. 'regentctl mark-good' makes the present "
                                 "state the good one.");
        if (!call->ns_name)
                return;
        if (failure_is(failure, REGENT_ERROR_NO_SUCH_KEY))
                failure_set_hint(failure, "'regentctl list %s' shows the keys that there are.",
                                 call->ns_name);
        else
                failure_set_hint(failure,
                                 "'regentctl create %s' makes it. One that you may not read looks "
                                 "the same\nas one that is not there.",
                                 call->ns_name);
}

static void hint_conflict(Failure *failure, const HintCall *call)
{
        if (failure_is(failure, REGENT_ERROR_CONFLICT) && call->ns_name)
                failure_set_hint(
                        failure,
                        "Nothing was changed. 'regentctl describe %s KEY' shows the present "
                        "revision.",
                        call->ns_name);
        else if (failure_is(failure, REGENT_ERROR_CONFLICT) &&
                 strcmp(call->method, "RemoveNamespace") == 0)
                failure_set_hint(failure,
                                 "--force removes one that holds keys; one that is declared "
                                 "stays as long as its file.");
        else if (failure_is(failure, REGENT_ERROR_NAMESPACE_EXISTS))
                failure_set_hint(failure, "'regentctl access' changes one that is there.");
        else if (failure_is(failure, REGENT_ERROR_KEY_EXISTS))
                failure_set_hint(failure, "Nothing was changed.");
        else if (failure_is(failure, REGENT_ERROR_BUSY) && strstr(failure->text, "confirm"))
                failure_set_hint(failure, "Nothing was changed. 'regentctl status' shows the "
                                          "changes that wait for a confirmation.");
        else if (failure_is(failure, REGENT_ERROR_BUSY))
                failure_set_hint(failure, "Nothing was changed. Try again; what waits for a "
                                          "confirmation is in 'regentctl status'.");
}

/* That of changes that wait: deleting makes no room there. */
static bool is_quota_of_waiting(const Failure *failure)
{
        return strstr(failure->text, "wait for a confirmation") ||
               strstr(failure->text, "ways back");
}

static void hint_refused(Failure *failure, const HintCall *call)
{
        if (failure_is(failure, REGENT_ERROR_VETOED))
                failure_set_hint(failure,
                                 "Nothing was changed. 'regentctl apply --dry-run' shows all who "
                                 "would refuse.");
        if (failure_is(failure, REGENT_ERROR_HISTORY_LOST))
                failure_set_hint(failure, "Read everything again, without --since=.");
        if (failure_is(failure, REGENT_ERROR_QUOTA_EXCEEDED) && is_quota_of_waiting(failure))
                failure_set_hint(failure, "Nothing was changed. 'regentctl status' shows the "
                                          "changes that wait; confirm or\ncancel one, or make this "
                                          "one without --confirm-timeout=.");
        else if (failure_is(failure, REGENT_ERROR_QUOTA_EXCEEDED))
                failure_set_hint(failure,
                                 "Nothing was changed. 'regentctl status%s%s' shows what is used; "
                                 "deletes are\nalways possible.",
                                 call->ns_name ? " " : "", call->ns_name ? call->ns_name : "");
        else if (failure_is(failure, REGENT_ERROR_DISK_FULL))
                failure_set_hint(failure,
                                 "Nothing was changed. Deleting goes on; make room there.");
        else if (failure_is(failure, REGENT_ERROR_READ_ONLY))
                failure_set_hint(failure,
                                 "Writing to the disk failed: see 'journalctl -u regentd'.");
}

static void hint_timeout(Failure *failure, const HintCall *call)
{
        const char *what = changes_something(call->method)
                                   ? "\nThe change may still be made, or may have been: read again."
                                   : "";

        if (failure_is(failure, REGENT_ERROR_TIMEOUT)) {
                failure_set_hint(failure, "Nothing was changed. Who did not answer in time is not "
                                          "asked any more: try again.");
                return;
        }
        if (!bus_is_connected(call->bus)) {
                g_free(failure->text);
                failure->text = g_strdup("The bus did not answer in time");
                hint_unreachable(failure, call->options);
                return;
        }
        if (!failure->error_name) {
                g_free(failure->text);
                failure->text =
                        g_strdup_printf("regentd did not answer within %g s",
                                        (double) call->options->timeout_usec / G_USEC_PER_SEC);
        }
        failure_set_hint(failure,
                         "--timeout=SECONDS waits longer. 'systemctl status regentd' shows "
                         "how it is.%s",
                         what);
}

void hint_unreachable(Failure *failure, const Options *options)
{
        if (options->host)
                failure_set_hint(failure,
                                 "Try 'ssh %s systemd-stdio-bridge'; 'systemctl status regentd' "
                                 "there shows how it is.",
                                 options->host);
        else if (options->address)
                failure_set_hint(failure, "Is --address= right, and does regentd run on that bus?");
        else
                failure_set_hint(failure,
                                 "'systemctl status regentd dbus' shows whether they run.");
}

void hint_call(Failure *failure, const HintCall *call)
{
        g_autofree char *denied = NULL;

        switch (failure->status) {
        case EXIT_DENIED:
                denied = describe_denied(failure, call);
                failure_set_hint(failure, "%s", denied);
                return;
        case EXIT_NOT_FOUND:
                hint_not_found(failure, call);
                return;
        case EXIT_CONFLICT:
                hint_conflict(failure, call);
                return;
        case EXIT_REFUSED:
                hint_refused(failure, call);
                return;
        case EXIT_TIMEOUT:
                hint_timeout(failure, call);
                return;
        case EXIT_UNREACHABLE:
                failure_prefix(failure, "regentd cannot be reached");
                hint_unreachable(failure, call->options);
                return;
        case EXIT_OUTCOME_UNKNOWN:
                failure_set_hint(failure, "Read again: the change may or may not have been made.");
                return;
        case EXIT_INTERRUPTED:
                if (changes_something(call->method))
                        failure_set_hint(failure, "The change may or may not have been made.");
                return;
        default:
                return;
        }
}
