/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: commits in the journal
 *
 * The first byte says whether the record is paired, the rest is its payload. What reads has one form
 * only: written again it is the same bytes.
 */

#include "fuzz.h"
#include "store/commit-codec.h"

#include <errno.h>
#include <string.h>

#define REVISION UINT64_C(9)

static void assert_same_again(const Commit *commit,
                              CommitPart part,
                              uint64_t pair_revision,
                              const uint8_t *payload,
                              size_t n_bytes)
{
        g_auto(CodecBuffer) again = { 0 };

        commit_codec_put(&again, commit, part, pair_revision);
        g_assert_cmpmem(again.bytes, again.n_bytes, payload, n_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autoptr(Commit) commit = NULL;
        bool is_paired, has_persistent, has_runtime;
        uint64_t pair_revision;
        int r;

        if (n_bytes == 0)
                return 0;
        is_paired = input[0] & 1;
        input++;
        n_bytes--;

        r = commit_codec_get(&commit, input, n_bytes, is_paired, REVISION, 1);
        g_assert(r == 0 || r == -EBADMSG || r == COMMIT_CODEC_E_NEWER);
        if (r != 0)
                return 0;

        has_persistent = commit_codec_has_part(commit, COMMIT_PERSISTENT);
        has_runtime = commit_codec_has_part(commit, COMMIT_RUNTIME);
        pair_revision = is_paired ? commit_codec_pair_revision(input, n_bytes) : 0;
        g_assert(has_persistent || has_runtime);
        if (!has_runtime)
                assert_same_again(commit, COMMIT_PERSISTENT, pair_revision, input, n_bytes);
        else if (!has_persistent)
                assert_same_again(commit, COMMIT_RUNTIME, pair_revision, input, n_bytes);
        return 0;
}
