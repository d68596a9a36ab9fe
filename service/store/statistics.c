/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store's statistics
 */

#include "store/statistics.h"

GVariant *statistics_collect(const Scribe *of_scribe,
                             const Checkpointer *of_checkpointer,
                             const Side sides[2],
                             int64_t recovery_usec)
{
        const ScribeStatistics *scribe = scribe_statistics(of_scribe);
        const WriterStatistics *writer = scribe_writer_statistics(of_scribe);
        const CheckpointerStatistics *checkpointer = checkpointer_statistics(of_checkpointer);
        const struct {
                const char *name;
                uint64_t value;
        } counters[] = {
                { "flushes", writer->n_flushes },
                { "flushes-in-loop", writer->n_flushes_in_loop },
                { "flush-worst-usec", writer->worst_usec },
                { "lazy-syncs", scribe->n_lazy_syncs },
                { "unsynced-bytes", scribe_n_unsynced_bytes(of_scribe) },
                { "journal-bytes", side_journal_bytes(&sides[COMMIT_PERSISTENT]) },
                { "journal-bytes-written", writer->n_bytes },
                { "journal-bytes-filled", scribe->n_filled_bytes },
                { "journal-marks", scribe->n_marks },
                { "runtime-journal-bytes", side_journal_bytes(&sides[COMMIT_RUNTIME]) },
                { "runtime-journal-bytes-written", scribe->n_runtime_bytes },
                { "checkpoints", checkpointer->n_taken },
                { "checkpoint-failures", checkpointer->n_failed },
                { "checkpoint-bytes-written", checkpointer->n_bytes },
                { "checkpoint-hold-worst-usec", checkpointer->hold_worst_usec },
                { "checkpoint-slice-worst-usec", checkpointer->slice_worst_usec },
                { "checkpoint-queue-worst-bytes", checkpointer->queue_worst_bytes },
                { "recovery-usec", (uint64_t) recovery_usec },
        };
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
                g_variant_dict_insert(&dict, counters[i].name, "t", counters[i].value);
        g_variant_dict_insert(&dict, "flush-mean-usec", "d", flush_meter_mean_usec(&writer->meter));
        return g_variant_dict_end(&dict);
}
