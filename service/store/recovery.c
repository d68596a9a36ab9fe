/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery
 */

#include "store/recovery.h"

#include <errno.h>
#include <string.h>

typedef struct Loader {
        Side *side;
        const RecoveryContext *context;
        State *state;
        RecoveryFindings *findings;
} Loader;

/* Whether a paired record's other half, or what it followed in its batch, is missing. */
static bool is_widowed(const Loader *loader, const Record *record)
{
        if (!loader->context || !(record->header.flags & RECORD_PAIRED))
                return false;
        return commit_codec_pair_revision(record->payload, record->header.payload_bytes) >
               loader->context->reached;
}

static int load_commit(void *userdata, const Record *record)
{
        Loader *loader = userdata;
        g_autoptr(Commit) commit = NULL;
        int r;

        /*
         * It belongs to the last batch, which was never acknowledged, and so does all that follows:
         * unless the persistent side has lost what was acknowledged.
         */
        if (is_widowed(loader, record))
                return loader->context->is_whole ? JOURNAL_E_END : 0;

        r = commit_codec_get(&commit, record->payload, record->header.payload_bytes,
                             record->header.flags & RECORD_PAIRED, record->header.revision,
                             record->header.time_usec);
        if (r == COMMIT_CODEC_E_NEWER)
                return JOURNAL_E_NEWER;
        if (r < 0)
                return r;

        state_apply(loader->state, commit);
        return 0;
}

/* Reads journals in the order they were written, and stops where something is missing. */
static int load_journals(Loader *loader, const GArray *journals)
{
        RecoveryFindings *findings = loader->findings;
        JournalExpectation expectation = { 0 };

        for (guint i = 0; i < journals->len; i++) {
                int r;

                expectation.file = g_array_index(journals, ManifestFile, i);
                expectation.is_newest = i + 1 == journals->len;
                expectation.committed = loader->side->manifest->committed;
                r = journal_read(loader->side->directory, &expectation, load_commit, loader,
                                 &findings->tail);
                if (r != 0)
                        return r == JOURNAL_E_NEWER ? RECOVERY_E_NEWER : r;

                findings->revision = MAX(findings->revision, findings->tail.revision);
                if (findings->tail.end == JOURNAL_DAMAGED) {
                        findings->damage = findings->tail.reason;
                        findings->loaded_from = LOADED_FROM_PREFIX;
                        return 0;
                }
                expectation.has_predecessor = true;
                expectation.predecessor = findings->tail.position.previous;
        }

        return 0;
}

static int load_manifest(Loader *loader)
{
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(loader->side->directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text,
                           &n_bytes);
        if (r == -ENOENT) {
                loader->findings->is_nothing = true;
                return 0;
        }
        if (r < 0)
                return r;

        r = manifest_from_text(&loader->side->manifest, text, n_bytes);
        return r == MANIFEST_E_NEWER ? RECOVERY_E_NEWER : r;
}

/* What the runtime side holds counts within one boot, and beside the history it was written with. */
static bool is_of_now(const Loader *loader)
{
        const RecoveryContext *context = loader->context;
        const Manifest *manifest = loader->side->manifest;

        return !context || (sd_id128_equal(manifest->boot_id, context->boot_id) &&
                            sd_id128_equal(manifest->epoch, context->manifest->epoch));
}

int recovery_load(Side *side,
                  const RecoveryContext *context,
                  State *state,
                  RecoveryFindings *ret_findings)
{
        Loader loader = { side, context, state, ret_findings };
        int r;

        *ret_findings = (RecoveryFindings){ .loaded_from = LOADED_FROM_JOURNAL };
        r = load_manifest(&loader);
        if (r != 0)
                return r;
        if (!ret_findings->is_nothing && !is_of_now(&loader)) {
                g_clear_pointer(&side->manifest, manifest_free);
                ret_findings->is_nothing = true;
        }
        if (ret_findings->is_nothing) {
                ret_findings->loaded_from = LOADED_FROM_NOTHING;
                return 0;
        }

        return load_journals(&loader, manifest_generation(side->manifest, 0)->journals);
}
