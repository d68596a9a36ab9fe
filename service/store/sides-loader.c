/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sides loader
 */

#include "store/sides-loader.h"

/* What was taken for the end of the newest journal is not, as the runtime side knows. */
static void take_testimony(SidesLoader *loader)
{
        RecoveryFindings *persistent = &loader->findings[COMMIT_PERSISTENT];
        g_autofree char *name = manifest_journal_name(
                manifest_newest_journal(loader->persistent->manifest)->revision);

        persistent->damage = "records are missing that the runtime directory knows of";
        persistent->loaded_from = LOADED_FROM_PREFIX;
        (void) g_strlcpy(persistent->file, name, sizeof persistent->file);
}

static int load_persistent(SidesLoader *loader)
{
        RecoveryFindings *findings = &loader->findings[COMMIT_PERSISTENT];
        Side *side = loader->persistent;
        int r;

        loader->at = side;
        side->peer_epoch = loader->runtime->directory
                                   ? recovery_peek_epoch(loader->runtime, loader->boot_id)
                                   : SD_ID128_NULL;
        r = recovery_load(side, NULL, loader->state, findings);
        if (r != 0)
                return r;
        if (findings->is_nothing && !sd_id128_is_null(side->peer_epoch)) {
                *findings = (RecoveryFindings){
                        .damage = "all is missing that there was in this boot",
                        .file = MANIFEST_NAME,
                        .loaded_from = LOADED_FROM_NOTHING,
                };
        }
        return 0;
}

static int load_runtime(SidesLoader *loader)
{
        const RecoveryFindings *persistent = &loader->findings[COMMIT_PERSISTENT];
        RecoveryFindings *findings = &loader->findings[COMMIT_RUNTIME];
        const Manifest *manifest = loader->persistent->manifest;
        RecoveryContext context = {
                .boot_id = loader->boot_id,
                .epoch = manifest->epoch,
                .reached = persistent->revision,
                .is_whole = !persistent->damage,
                .is_same_boot = sd_id128_equal(manifest->boot_id, loader->boot_id),
                .void_first = manifest->void_first,
                .void_last = manifest->void_last,
        };
        int r;

        loader->at = loader->runtime;
        r = recovery_load(loader->runtime, &context, loader->state, findings);
        if (r != 0 || !findings->is_witness)
                return r;

        take_testimony(loader);
        context.is_whole = false;
        return recovery_load(loader->runtime, &context, loader->state, findings);
}

/*
 * Put in place of another history, by hand, and not started since: only then a manifest is of no boot.
 * The runtime side is still that history's.
 */
static bool is_recovered(const SidesLoader *loader)
{
        return loader->findings[COMMIT_PERSISTENT].has_manifest &&
               sd_id128_is_null(loader->persistent->manifest->boot_id);
}

static int load(SidesLoader *loader)
{
        int r;

        r = load_persistent(loader);
        if (r != 0)
                return r;
        if (loader->findings[COMMIT_PERSISTENT].is_nothing || !loader->runtime->directory ||
            is_recovered(loader)) {
                loader->findings[COMMIT_RUNTIME].is_nothing = true;
                return 0;
        }
        return load_runtime(loader);
}

/* What ends before its beginning is no state. */
static void call_nothing_nothing(RecoveryFindings *findings)
{
        if (findings->damage && findings->loaded_from == LOADED_FROM_PREFIX &&
            findings->revision == 0)
                findings->loaded_from = LOADED_FROM_NOTHING;
}

int sides_loader_run(SidesLoader *loader)
{
        int r;

        state_begin_loading(loader->state);
        r = load(loader);
        state_end_loading(loader->state);
        if (r == 0)
                call_nothing_nothing(&loader->findings[COMMIT_PERSISTENT]);
        return r;
}
