/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: commits in the journal that wait for a confirmation, confirm, or undo
 *
 * The first byte says which kind of record it is, the rest is its payload. What reads has one form only:
 * written again it is the same bytes. And it is applied, as recovery does.
 */

#include "core/state.h"
#include "fuzz.h"
#include "store/commit-record.h"

#include <errno.h>

#define REVISION UINT64_C(1000)

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autoptr(State) state = state_new();
        g_autoptr(Commit) commit = NULL;
        g_auto(CodecBuffer) again = { 0 };
        Record record;
        int r;

        if (n_bytes == 0)
                return 0;

        record = (Record){
                .header = {
                        .kind = (uint16_t) (RECORD_PENDING + input[0] % 3),
                        .revision = REVISION,
                        .time_usec = 1,
                        .payload_bytes = (uint32_t) (n_bytes - 1),
                },
                .payload = input + 1,
        };
        r = commit_record_get(&commit, &record);
        g_assert(r == 0 || r == -EBADMSG || r == COMMIT_CODEC_E_NEWER);
        if (r != 0)
                return 0;

        g_assert(commit_record_kind(commit, COMMIT_PERSISTENT) == record.header.kind);
        if (!commit_codec_has_part(commit, COMMIT_RUNTIME)) {
                commit_record_put(&again, commit, COMMIT_PERSISTENT, 0);
                g_assert_cmpmem(again.bytes, again.n_bytes, input + 1, n_bytes - 1);
        }
        state_apply(state, commit);
        state_forget_pending(state);
        return 0;
}
