/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: records of a checkpoint
 *
 * The first byte says which kind of record it is, the rest is its payload.
 */

#include "core/state.h"
#include "fuzz.h"
#include "store/checkpoint-codec.h"

#include <errno.h>

#define WAITING_BIT 0x80u

typedef struct Loader {
        State *state;
        Namespace *ns;
} Loader;

static int load_namespace(void *userdata,
                          const char *name,
                          const NamespaceAccess *access,
                          uint64_t created_revision,
                          uint64_t revision)
{
        Loader *loader = userdata;

        state_load_namespace(loader->state, name, access, created_revision, revision);
        return 0;
}

static int load_group(void *userdata, const char *name)
{
        Loader *loader = userdata;

        loader->ns = state_lookup(loader->state, name);
        return loader->ns ? 0 : -EBADMSG;
}

static int load_entry(void *userdata,
                      const EntryView *view,
                      uint64_t revision,
                      uint64_t time_usec,
                      uint32_t writer_uid)
{
        Loader *loader = userdata;
        Entry *entry;
        int r;

        r = entry_codec_make(&entry, view);
        if (r < 0)
                return r;
        entry->revision = revision;
        entry->time_usec = time_usec;
        entry->writer_uid = writer_uid;
        state_load_entry(loader->state, loader->ns, entry);
        return 0;
}

static void load_pending(void *userdata, PendingChange *change)
{
        const Loader *loader = userdata;

        state_load_pending(loader->state, change);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        g_autoptr(State) state = state_new();
        NamespaceAccess access = { .mode = NAMESPACE_MODE_STANDARD };
        Loader loader = { .state = state };
        CheckpointSink sink = { load_namespace, load_group, load_entry, &loader, load_pending };
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
