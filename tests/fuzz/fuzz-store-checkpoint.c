/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: records of a checkpoint
 *
 * The first byte says which kind of record it is, the rest is its payload.
 */

#include "core/state.h"
#include "fuzz.h"
#include "store/checkpoint-load.h"

#include <errno.h>

#define WAITING_BIT 0x80u

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autoptr(State) state = state_new();
        NamespaceAccess access = { .mode = NAMESPACE_MODE_STANDARD };
        CheckpointLoader loader = { .part = COMMIT_PERSISTENT, .state = state };
        CheckpointSink sink = checkpoint_loader_sink(&loader);
        CheckpointCounts counts = { 0 };
        Record record;
        int r;

        if (n_bytes == 0)
                return 0;
        state_load_namespace(state, "org.example.A", &access, 1, 1);

        record = (Record){
                .header = {
                        .kind = (uint16_t) (input[0] & WAITING_BIT
                                                    ? RECORD_WAITING
                                                    : RECORD_NAMESPACES + input[0] % 4),
                        .revision = 1000,
                        .payload_bytes = (uint32_t) (n_bytes - 1),
                },
                .payload = input + 1,
        };
        r = checkpoint_codec_get(&record, &sink, &counts);
        g_assert(r == 0 || r == -EBADMSG || r == CHECKPOINT_CODEC_E_END ||
                 r == CHECKPOINT_CODEC_E_NEWER);
        return 0;
}
