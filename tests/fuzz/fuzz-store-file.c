/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: any file, as 'regentctl verify' and 'regentctl recover' are given one
 *
 * Whatever is in it, there is a verdict; and what is whole can be loaded.
 */

#include "client/regent-store-stream.h"
#include "core/state.h"
#include "fuzz.h"
#include "offline/examine.h"
#include "offline/read-only-io.h"
#include "store/checkpoint-load.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void load(int fd, const Examination *found)
{
        g_autoptr(State) state = state_new();
        int r;

        r = checkpoint_load_open(read_only_io(), fd, &found->identity, state);
        g_assert(r == 0 || r == -EBADMSG);
        if (r == 0)
                g_assert(state_n_keys(state) <= found->n_entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        Examination found;
        int fd, r;

        fd = memfd_create("fuzz", MFD_CLOEXEC);
        g_assert(fd >= 0);
        g_assert(write(fd, input, n_bytes) == (ssize_t) n_bytes);

        r = examine(read_only_io(), fd, FILE_UNKNOWN, NULL, &found);
        g_assert(r == 0 && found.verdict && found.n_bytes == n_bytes);
        g_assert(found.offset <= n_bytes);
        if (found.kind == FILE_CHECKPOINT && strcmp(found.verdict, REGENT_STORE_WHOLE) == 0)
                load(fd, &found);
        close(fd);
        return 0;
}
