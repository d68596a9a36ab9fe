/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl edit
 *
 * The text that is edited is a dump of the namespace. Each key that the person touched is expected to
 * be at the revision it was dumped with: what others changed meanwhile is never overwritten.
 */

#include "difference.h"
#include "dump-take.h"
#include "edit-file.h"
#include "upload.h"
#include "verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Editing {
        Context *context;
        Dump *present;     /* of one namespace */
        DumpNamespace *ns; /* that */
        char *text;
        Dump *wanted;
} Editing;

static void editing_clear(Editing *editing)
{
        dump_free(editing->present);
        dump_free(editing->wanted);
        g_free(editing->text);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Editing, editing_clear)

static bool take(Editing *editing, char **names, Failure **reterr)
{
        if (!dump_take_seen(editing->context, names[0], &editing->ns, reterr))
                return false;

        editing->present = dump_new();
        editing->present->revision = editing->ns->revision;
        dump_add(editing->present, editing->ns);
        /* Who may do what is the business of 'regentctl access'. */
        g_clear_pointer(&editing->ns->access.owner, g_free);
        g_clear_pointer(&editing->ns->access.group, g_free);
        editing->ns->access = (DumpAccess){};
        editing->text = dump_print(editing->present, false);
        return true;
}

/* What goes with a connection can be deleted or be given another class, but not set. */
static bool check_sessions(const DumpNamespace *present,
                           const DumpNamespace *wanted,
                           Failure **reterr)
{
        for (guint i = 0; i < wanted->entries->len; i++) {
                const DumpEntry *entry = wanted->entries->pdata[i];
                const DumpEntry *old;

                if (!dump_entry_is_session(entry))
                        continue;
                old = dump_namespace_find(present, entry->key);
                if (!old || !dump_entry_is_session(old) ||
                    !g_variant_equal(old->value, entry->value))
                        return failure_set(
                                reterr, EXIT_REFUSED,
                                "'%s' of class session goes with the connection that set "
                                "it; only with another class can it be set in here",
                                entry->key);
        }
        return true;
}

static bool parse(Editing *editing, GBytes *content, Failure **reterr)
{
        gsize n_bytes;
        const char *text = g_bytes_get_data(content, &n_bytes);
        const DumpNamespace *ns;

        g_clear_pointer(&editing->wanted, dump_free);
        if (!dump_parse(text ? text : "", n_bytes, &editing->wanted, reterr))
                return false;

        ns = dump_find(editing->wanted, editing->ns->name);
        if (!ns || editing->wanted->namespaces->len != 1)
                return failure_set(reterr, EXIT_INVALID, "The text must be of %s alone",
                                   editing->ns->name);
        if (ns->access.owner || ns->access.group || ns->access.has_mode || ns->access.quota_keys ||
            ns->access.quota_bytes)
                return failure_set(reterr, EXIT_INVALID,
                                   "Access is changed by 'regentctl access' and not in here");
        return check_sessions(editing->ns, ns, reterr);
}

/* False when ^C came: there is still to be said where the text is. */
static bool wait_for_answer(const Interrupt *interrupt)
{
        GPollFD polled[] = { { .fd = STDIN_FILENO, .events = G_IO_IN },
                             { .fd = interrupt_fd(interrupt), .events = G_IO_IN } };

        while (!interrupt_came(interrupt) && polled[0].revents == 0)
                (void) g_poll(polled, G_N_ELEMENTS(polled), -1);
        return !interrupt_came(interrupt);
}

/* Shows what is wrong, and asks; only where somebody can answer. */
static bool wants_to_edit_again(Output *output, const Interrupt *interrupt, const Failure *failure)
{
        char answer[16] = "";

        if (!isatty(STDIN_FILENO) || !output_is_watched(output))
                return false;

        output_failure(output, failure);
        fputs("Edit again? [Y/n] ", stderr);
        fflush(stderr);
        if (!wait_for_answer(interrupt) || read(STDIN_FILENO, answer, sizeof answer - 1) <= 0)
                return false;
        return *answer != 'n' && *answer != 'N';
}

/* *ret_is_changed: there is something to do. */
static bool edit(Editing *editing, EditFile *file, bool *ret_is_changed, Failure **reterr)
{
        for (;;) {
                g_autoptr(GBytes) content = NULL;
                g_autoptr(Failure) failure = NULL;

                if (!edit_file_run(file, editing->context->interrupt, &content, ret_is_changed,
                                   reterr))
                        return false;
                if (!*ret_is_changed || parse(editing, content, &failure))
                        return true;
                if (wants_to_edit_again(editing->context->output, editing->context->interrupt,
                                        failure))
                        continue;

                if (interrupt_came(editing->context->interrupt))
                        return failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
                *reterr = g_steal_pointer(&failure);
                return false;
        }
}

static void add_change(Transaction *transaction,
                       TransactionNamespace *to,
                       const DifferenceEntry *entry)
{
        const char *key = entry->new ? entry->new->key : entry->old->key;

        if (entry->new)
                transaction_set(transaction, to, key, entry->new->value, entry->new->memory_class);
        else
                transaction_unset(transaction, to, key);
        transaction_expect(to, key, entry->old ? entry->old->revision : 0);
}

static void report_nothing(Output *output)
{
        if (output_json(output) != JSON_OFF)
                output_document(output, json_object_new_object());
        else
                output_nothing_to_do(output);
}

static bool apply(Editing *editing, Failure **reterr)
{
        g_autoptr(Difference) difference = difference_new();
        g_autoptr(Transaction) transaction = transaction_new();
        const Upload upload = { .transaction = transaction, .is_one_commit = true };
        Output *output = editing->context->output;
        const DifferenceNamespace *changed;
        TransactionNamespace *to;
        UploadResult result;

        difference_add(difference, editing->ns->name, editing->ns,
                       dump_find(editing->wanted, editing->ns->name), false);
        if (difference_is_empty(difference)) {
                report_nothing(output);
                return true;
        }

        changed = difference->namespaces->pdata[0];
        to = transaction_add_namespace(transaction, editing->ns->name);
        for (guint i = 0; i < changed->entries->len; i++)
                add_change(transaction, to, &g_array_index(changed->entries, DifferenceEntry, i));
        if (!upload_run(editing->context, &upload, &result, reterr))
                return false;

        difference_print(difference, output);
        output_note(output, "%" PRIu64 " changed, %" PRIu64 " removed, revision %" PRIu64,
                    result.n_changed, result.n_removed, result.revision);
        return true;
}

int verb_edit(Context *context, char **arguments, Failure **reterr)
{
        g_auto(Editing) editing = {
                .context = context,
        };
        g_autoptr(EditFile) file = NULL;
        g_autofree char *name = NULL;
        bool is_changed = false;

        if (!take(&editing, arguments, reterr))
                return -1;

        name = g_strconcat(editing.ns->name, ".json", NULL);
        if (!edit_file_new(name, editing.text, &file, reterr))
                return -1;
        if (!edit(&editing, file, &is_changed, reterr)) {
                edit_file_keep(file, *reterr);
                return -1;
        }
        if (!is_changed) {
                report_nothing(context->output);
                return EXIT_DONE;
        }
        if (!apply(&editing, reterr)) {
                edit_file_keep(file, *reterr);
                return -1;
        }
        return EXIT_DONE;
}
